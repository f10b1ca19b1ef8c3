import type { Endpoint, SentinelAddress } from './address.ts';
import { judge, nameOf } from './judge-answers.ts';
import type { PrimaryFinder, Stream } from './primary-connector.ts';
import type { SentinelAnswer } from './sentinel-link.ts';
import { type SentinelAnswers, SentinelLinks } from './sentinel-links.ts';

const DEFAULT_TIMEOUT_MS = 2000;
const LOOK_EVERY_MS = 1000;
/** Too few answers are told of when that many looks brought no more. */
const LOOKS_UNTIL_TOLD = 2;
/** Without any connection to the primary for so long the sentinels are left. */
const LINGER_MS = 3000;
/** A replica that was chosen is the primary within a second or two, or not at all. */
const FAILOVER_MS = 5000;

export type SentinelNews =
  /** All connections that lead to `from` were ended. */
  | { readonly kind: 'moved'; readonly from: Endpoint; readonly to: Endpoint }
  /** A failover that nobody hears of could be missed; `faults` say why. */
  | { readonly kind: 'unheard'; readonly faults: readonly string[] }
  | { readonly kind: 'heard' };

export interface SentinelsOptions {
  /** Longest wait for an answer, and for a connection. Default 2000. */
  readonly timeoutMs?: number;
  readonly onNews?: (news: SentinelNews) => void;
}

/**
 * Where the primary is, as all sentinels together say. As long as connections lead there the sentinels are listened to, and asked every second: when
 * they name another primary, every connection to the old one is ended at once, alive or not.
 */
export class Sentinels implements PrimaryFinder {
  readonly #address: SentinelAddress;
  readonly #links: SentinelLinks;
  readonly #onNews: (news: SentinelNews) => void;
  /** Connections to the primary, and where each leads. As many as the process has. */
  readonly #streams = new Map<Stream, Endpoint>();
  #known: SentinelAnswer | undefined;
  #looking: Promise<SentinelAnswers> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #usedMs = 0;
  #failover: NodeJS.Timeout | undefined;
  #heard = 0;
  /** Looks in a row that brought too few answers. */
  #poorLooks = 0;

  constructor(address: SentinelAddress, options: SentinelsOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, onNews = () => undefined } = options;
    this.#address = address;
    this.#onNews = onNews;
    this.#links = new SentinelLinks(address, timeoutMs, (event) => this.#onEvent(event));
  }

  /** A replica was chosen to be the next primary: what the present one accepts from now on may be lost. Ends within seconds. */
  get isFailingOver(): boolean {
    return this.#failover !== undefined;
  }

  /** Problem for the operator, with its remedy; `undefined` when there is none. */
  get problem(): string | undefined {
    if (this.#poorLooks < LOOKS_UNTIL_TOLD) return undefined;
    const { length } = this.#address.sentinels;
    return this.#heard === 0
      ? 'no sentinel answers: the connections to the last known primary are kept, and a failover would not be noticed'
      : `only ${this.#heard} of ${length} sentinels ${this.#heard === 1 ? 'answers' : 'answer'}: a failover may be noticed late`;
  }

  /** While no sentinel answers, the last known one. @throws Error when none has ever answered */
  async primary(): Promise<Endpoint> {
    this.#use();
    const { faults } = await this.#look();
    if (this.#known === undefined)
      throw new Error('no sentinel says where the primary is', { cause: new Error(faults.join('; ')) });
    return this.#known.primary;
  }

  leads(stream: Stream, primary: Endpoint): void {
    this.#use();
    if (this.#streams.size === 0) this.#links.hold(true);
    this.#streams.set(stream, primary);
    stream.once('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#links.hold(false);
    });
  }

  #use(): void {
    this.#usedMs = performance.now();
    this.#timer ??= setInterval(() => this.#tick(), LOOK_EVERY_MS).unref();
  }

  #tick(): void {
    if (this.#streams.size > 0) this.#usedMs = performance.now();
    if (performance.now() - this.#usedMs < LINGER_MS) {
      void this.#look();
      return;
    }
    this.close();
  }

  /** No connection is wanted any more. The next one begins anew. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#failoverIsOver();
    this.#poorLooks = 0;
    this.#links.close();
  }

  /** One at a time. */
  #look(): Promise<SentinelAnswers> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<SentinelAnswers> {
    const said = await this.#links.ask();
    if (said.answers.length > 0) this.#take(judge(said.answers, this.#known, this.#address.sentinels.length));
    this.#count(said);
    return said;
  }

  /** Told of a step: what is being asked may be older. */
  #onEvent(event: string): void {
    if (event === '+selected-slave') {
      clearTimeout(this.#failover);
      this.#failover = setTimeout(() => this.#failoverIsOver(), FAILOVER_MS).unref();
    } else void (this.#looking ?? Promise.resolve()).then(() => this.#look());
  }

  #failoverIsOver(): void {
    clearTimeout(this.#failover);
    this.#failover = undefined;
  }

  #take(answer: SentinelAnswer): void {
    const from = this.#known?.primary;
    this.#known = answer;
    if (from === undefined || nameOf(from) === nameOf(answer.primary)) return;
    this.#failoverIsOver();
    for (const [stream, primary] of this.#streams)
      if (nameOf(primary) !== nameOf(answer.primary)) stream.destroy();
    this.#onNews({ kind: 'moved', from, to: answer.primary });
  }

  #count({ heard, faults }: SentinelAnswers): void {
    if (this.#timer === undefined) return; // left meanwhile
    this.#heard = heard;
    const isEnough = heard * 2 > this.#address.sentinels.length;
    const wasTold = this.#poorLooks >= LOOKS_UNTIL_TOLD;
    this.#poorLooks = isEnough ? 0 : this.#poorLooks + 1;
    if (this.#poorLooks === LOOKS_UNTIL_TOLD) this.#onNews({ kind: 'unheard', faults });
    if (isEnough && wasTold) this.#onNews({ kind: 'heard' });
  }
}
