import type { Dedupe, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';

/** Most producers and most keys remembered per channel; beyond, the ones that were used longest ago are forgotten. */
const MAX_REMEMBERED = 10_000;

type Accepted = Extract<PublishOutcome, { status: 'accepted' }>;

interface Remembered {
  readonly fingerprint: number;
  readonly outcome: Accepted;
}

interface RememberedKey extends Remembered {
  readonly expiresAtMs: number;
}

interface Producer {
  last: number;
  usedAtMs: number;
  /** Results by producer seq, oldest first: a Map keeps the order of insertion. */
  readonly results: Map<number, Remembered>;
  /** Of an earlier generation: what it sent in between may be lost, and must not stop it for ever. */
  mayJump: boolean;
  /** Sequences around what a loss took. What is in between may come late, and only once. */
  jump: Jump | undefined;
}

type Jump = readonly [last: number, next: number];

/** A window as plain JSON. */
export interface DedupeSnapshot {
  readonly producers: readonly (readonly [
    string,
    {
      readonly last: number;
      readonly usedAtMs: number;
      readonly results: readonly (readonly [number, Remembered])[];
      readonly mayJump?: boolean;
      readonly jump?: Jump | undefined;
    },
  ])[];
  readonly keys: readonly (readonly [string, RememberedKey])[];
}

/** Producers and idempotency keys of one channel. */
export class DedupeWindow {
  readonly #producers = new Map<string, Producer>();
  readonly #keys = new Map<string, RememberedKey>();

  /** Result for a publish: that of its first copy, a refusal, or `undefined` when it is new and in order. */
  check(
    dedupe: Dedupe,
    limits: { readonly producerWindow: number; readonly producerTtlMs: number },
    nowMs: number,
  ): PublishOutcome | undefined {
    return dedupe.kind === 'key' ? this.#checkKey(dedupe, nowMs) : this.#checkProducer(dedupe, limits, nowMs);
  }

  remember(dedupe: Dedupe, outcome: Accepted, producerWindow: number, nowMs: number): void {
    const remembered = { fingerprint: dedupe.fingerprint, outcome: { ...outcome, duplicate: true } };
    if (dedupe.kind === 'key') {
      this.#keys.set(dedupe.key, { ...remembered, expiresAtMs: nowMs + dedupe.ttlMs });
      forgetOldest(this.#keys);
      return;
    }
    const producer = this.#producers.get(dedupe.producer) ?? {
      last: 0,
      usedAtMs: nowMs,
      results: new Map<number, Remembered>(),
      mayJump: false,
      jump: undefined,
    };
    // Deleted first, so that the one that was silent longest stands first.
    this.#producers.delete(dedupe.producer);
    this.#producers.set(dedupe.producer, producer);
    forgetOldest(this.#producers);
    if (producer.mayJump && dedupe.seq > producer.last) {
      if (dedupe.prev !== producer.last) producer.jump = [producer.last, dedupe.seq];
      producer.mayJump = false;
    }
    producer.last = Math.max(producer.last, dedupe.seq);
    producer.usedAtMs = nowMs;
    producer.results.set(dedupe.seq, remembered);
    for (const seq of producer.results.keys()) {
      if (seq > producer.last - producerWindow) break;
      producer.results.delete(seq);
    }
  }

  /** The channel may lack what was accepted last. */
  beginGeneration(): void {
    for (const producer of this.#producers.values()) producer.mayJump = true;
  }

  /** Forgets what has expired. */
  sweep(producerTtlMs: number, nowMs: number): void {
    for (const [id, producer] of this.#producers)
      if (nowMs - producer.usedAtMs > producerTtlMs) this.#producers.delete(id);
    for (const [key, { expiresAtMs }] of this.#keys) if (nowMs > expiresAtMs) this.#keys.delete(key);
  }

  snapshot(): DedupeSnapshot {
    const producers = [...this.#producers].map(
      ([id, { results, ...producer }]) => [id, { ...producer, results: [...results] }] as const,
    );
    return { producers, keys: [...this.#keys] };
  }

  restore({ producers, keys }: DedupeSnapshot): void {
    for (const [id, { last, usedAtMs, results, mayJump = false, jump }] of producers)
      this.#producers.set(id, { last, usedAtMs, results: new Map(results), mayJump, jump });
    for (const [key, remembered] of keys) this.#keys.set(key, remembered);
  }

  #checkKey(
    { key, fingerprint }: Extract<Dedupe, { kind: 'key' }>,
    nowMs: number,
  ): PublishOutcome | undefined {
    const known = this.#keys.get(key);
    if (known === undefined || nowMs > known.expiresAtMs) return undefined;
    return known.fingerprint === fingerprint ? known.outcome : refusals.keyConflict();
  }

  #checkProducer(
    { producer: id, seq, prev, fingerprint }: Extract<Dedupe, { kind: 'producer' }>,
    { producerWindow, producerTtlMs }: { readonly producerWindow: number; readonly producerTtlMs: number },
    nowMs: number,
  ): PublishOutcome | undefined {
    const producer = this.#producers.get(id);
    if (producer === undefined || nowMs - producer.usedAtMs > producerTtlMs) {
      this.#producers.delete(id);
      return undefined;
    }
    if (seq > producer.last)
      return prev === producer.last || producer.mayJump
        ? undefined
        : refusals.outOfOrder(producer.last, seq, prev);
    const known = producer.results.get(seq);
    const isInWindow = seq > producer.last - producerWindow;
    if (known === undefined && isInWindow && isIn(producer.jump, seq)) return undefined;
    if (known === undefined)
      return isInWindow ? refusals.conflict(seq) : refusals.windowPassed(seq, producer.last, producerWindow);
    return known.fingerprint === fingerprint ? known.outcome : refusals.conflict(seq);
  }
}

function isIn(jump: Jump | undefined, seq: number): boolean {
  return jump !== undefined && seq > jump[0] && seq < jump[1];
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.size > MAX_REMEMBERED ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}
