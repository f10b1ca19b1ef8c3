import type { Endpoint, SentinelAddress } from './address.ts';
import { nameOf } from './judge-answers.ts';
import { type SentinelAnswer, SentinelLink } from './sentinel-link.ts';

/** When a majority has answered the others are waited for this much longer. */
const GRACE_MS = 200;
/** Of the address and of what they name, together. */
const MAX_LINKS = 32;
/** One that another sentinel named and that can't be reached is forgotten until it is named again. */
const FORGET_AFTER_MS = 60_000;

/** The sentinels' views of the primary at one moment. */
export interface SentinelAnswers {
  readonly answers: readonly SentinelAnswer[];
  /** How many of those that the address names have answered. */
  readonly heard: number;
  /** Why the others have not. */
  readonly faults: readonly string[];
}

/** Connections to all sentinels: those that the address names, and those that these name. */
export class SentinelLinks {
  readonly #address: SentinelAddress;
  readonly #timeoutMs: number;
  readonly #onEvent: (event: string) => void;
  readonly #links = new Set<SentinelLink>();

  constructor(address: SentinelAddress, timeoutMs: number, onEvent: (event: string) => void) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#onEvent = onEvent;
  }

  /** Asks all of them; opens the connections that there are not. Doesn't reject. */
  async ask(): Promise<SentinelAnswers> {
    this.#open();
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const answers: SentinelAnswer[] = [];
    const faults: string[] = [];
    let heard = 0;
    let grace: NodeJS.Timeout | undefined;
    const asking = [...this.#links].map(async (link) => {
      try {
        answers.push(await link.ask());
        if (!link.isPeer) heard++;
        if (heard * 2 > this.#address.sentinels.length) grace ??= setTimeout(resolve, GRACE_MS);
      } catch (error) {
        faults.push(`${nameOf(link.endpoint)}: ${(error as Error).message}`);
      }
    });
    await Promise.race([Promise.all(asking), enough]);
    clearTimeout(grace);
    return { answers: [...answers], heard, faults: [...faults] };
  }

  /** Do they keep the process alive? */
  hold(isHeld: boolean): void {
    for (const link of this.#links) link.hold(isHeld);
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  #open(): void {
    for (const link of this.#links) if (link.isPeer && link.awayMs > FORGET_AFTER_MS) this.#forget(link);
    if (this.#links.size === 0) for (const endpoint of this.#address.sentinels) this.#add(endpoint, false);
  }

  #add(endpoint: Endpoint, isPeer: boolean): void {
    this.#links.add(
      new SentinelLink(endpoint, isPeer, {
        address: this.#address,
        timeoutMs: this.#timeoutMs,
        onEvent: this.#onEvent,
        onReady: (link) => void this.#learn(link),
      }),
    );
  }

  async #learn(link: SentinelLink): Promise<void> {
    // By another address it may be here twice.
    for (const other of this.#links)
      if (other !== link && link.id !== undefined && other.id === link.id)
        this.#forget(link.isPeer ? link : other);
    const peers = await link.peers().catch(() => []); // it ended again, or doesn't tell
    for (const { endpoint, id } of peers) {
      const all = [...this.#links];
      if (!this.#links.has(link) || all.length >= MAX_LINKS) return;
      if (!all.some((one) => one.id === id || nameOf(one.endpoint) === nameOf(endpoint)))
        this.#add(endpoint, true);
    }
  }

  /** Only what another sentinel named. */
  #forget(link: SentinelLink): void {
    if (!link.isPeer) return;
    this.#links.delete(link);
    link.close();
  }
}
