import type { RealtimeError } from './errors.ts';
import type { PublishEntry } from './publish-entry.ts';

/**
 * Most messages of a channel that are sent and not answered. The server remembers the last 256 results of a producer; a
 * repeat after a reconnect must not fall out of that window.
 */
const MAX_IN_FLIGHT = 128;

/** More new producers without an accepted message in between are a server's fault: don't hurry then. */
const MAX_ROTATIONS_AT_ONCE = 2;

/** Refusals after which the message may be in the log all the same. */
const UNCLEAR: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'INTERNAL', 'TIMEOUT']);

/** Reaction to a refused publish: report it to the application, send it again at once, or after a pause. */
export type AfterRefusal = 'reject' | 'resend' | 'pause';

/**
 * The publishes of one channel that wait for `accepted`, in order. Decides what may be sent, and with which producer stamp,
 * such that each message gets into the channel once and in order, whatever is lost on the way:
 *
 * - Repeats carry the stamp of the first time: the server answers with the first result.
 * - `prev` names the last message of this producer that was not refused. When that one has not arrived, the server
 *   refuses with `PRODUCER_OUT_OF_ORDER` instead of letting this one overtake it.
 * - A server that doesn't know the producer (yet, or after a long silence) takes any seq. So then only one message is in
 *   flight: with two, the second could be taken after the first was lost.
 */
export class ChannelOutbox {
  readonly name: string;
  readonly #newProducer: () => string;
  readonly #knownForMs: number;
  /** Sent ones first: the first `#sent` entries are on their way. */
  #entries: PublishEntry[] = [];
  #sent = 0;
  #producer: string;
  #nextSeq = 1;
  /** By producer, the seq of its last message that was not refused. More than one only while restored ones wait. */
  readonly #acceptedSeqs = new Map<string, number>();
  /** A producer that the server certainly knows, and since when. */
  #known = { producer: '', atMs: -Infinity };
  /** Pauses in a row, for the backoff. */
  failures = 0;
  timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param newProducer gives a producer id that was never used before
   * @param knownForMs how long after an answer the server surely still knows the producer
   */
  constructor(name: string, newProducer: () => string, knownForMs: number) {
    this.name = name;
    this.#newProducer = newProducer;
    this.#producer = newProducer();
    this.#knownForMs = knownForMs;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  get entries(): readonly PublishEntry[] {
    return this.#entries;
  }

  append(entry: PublishEntry): void {
    this.#stamp(entry);
    this.#entries.push(entry);
  }

  /**
   * Takes entries of a predecessor, before anything is sent; they go before others. They keep their stamps, so that the server recognises them; new ones
   * get this client's own producer: whatever the predecessor sent without saving it, no stamp is used twice.
   */
  restore(entries: readonly PublishEntry[]): void {
    for (const { producer, prev } of entries) {
      if (!this.#acceptedSeqs.has(producer)) this.#acceptedSeqs.set(producer, prev);
    }
    this.#entries.unshift(...entries);
  }

  /** The `prev` of the entry if it were sent now. */
  prevOf(entry: PublishEntry): number {
    return this.#expectedPrev(this.#entries.indexOf(entry));
  }

  /** The next entry that may go out now, stamped; it counts as sent. */
  takeNext(nowMs: number): PublishEntry | undefined {
    const entry = this.#entries[this.#sent];
    if (entry === undefined || this.timer !== undefined) return undefined;
    const known = entry.producer === this.#known.producer && nowMs - this.#known.atMs < this.#knownForMs;
    if (this.#sent >= (known ? MAX_IN_FLIGHT : 1)) return undefined;
    entry.prev = this.#expectedPrev(this.#sent);
    entry.firstSentAtMs ??= nowMs;
    this.#sent++;
    return entry;
  }

  #stamp(entry: PublishEntry): void {
    entry.producer = this.#producer;
    entry.seq = this.#nextSeq++;
  }

  #expectedPrev(index: number): number {
    const before = this.#entries[index - 1];
    const entry = this.#entries[index]!;
    if (before?.producer === entry.producer) return before.seq;
    const acceptedSeq = this.#acceptedSeqs.get(entry.producer) ?? 0;
    // Accepted ones may be ahead of this one when only this one's answer was lost: it is a repeat, its `prev` stays.
    return acceptedSeq < entry.seq ? acceptedSeq : entry.prev;
  }

  /** @param remembered the server will know it again: not when it was taken by one gateway alone [DG3] */
  onAccepted(entry: PublishEntry, nowMs: number, remembered: boolean): void {
    this.remove(entry);
    this.failures = 0;
    if (!remembered) return;
    const { producer, seq } = entry;
    this.#acceptedSeqs.set(producer, Math.max(this.#acceptedSeqs.get(producer) ?? 0, seq));
    this.#known = { producer, atMs: nowMs };
  }

  onRefused(entry: PublishEntry, error: RealtimeError): AfterRefusal {
    const index = this.#entries.indexOf(entry);
    if (error.code === 'PRODUCER_OUT_OF_ORDER') {
      const asExpected = index === 0 && entry.prev === this.#expectedPrev(0);
      this.#rewind(index);
      // Nothing of ours is before it, and yet the server knows of something: a message that was given up had arrived after
      // all. This one was refused, so none of these has been taken: they may get a new stamp.
      if (asExpected) this.#rotate();
      return this.failures > MAX_ROTATIONS_AT_ONCE ? 'pause' : 'resend';
    }
    entry.maybeAccepted ||= UNCLEAR.has(error.code);
    if (!error.retryable) {
      this.remove(entry);
      return 'reject';
    }
    this.#rewind(index);
    this.failures++;
    return 'pause';
  }

  /** From here on send again; one at a time, until the server has taken one. */
  #rewind(index: number): void {
    for (const entry of this.#entries.slice(index + 1, this.#sent)) forgetAnswer(entry);
    this.#sent = Math.min(this.#sent, index);
    this.#known.atMs = -Infinity;
  }

  #rotate(): void {
    this.#producer = this.#newProducer();
    this.failures++;
    this.#nextSeq = 1;
    this.#acceptedSeqs.clear();
    for (const entry of this.#entries) this.#stamp(entry);
  }

  /** The connection is gone, and with it the answers. */
  onDown(): void {
    for (const entry of this.#entries.slice(0, this.#sent)) forgetAnswer(entry);
    this.#sent = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  remove(entry: PublishEntry): void {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    if (index < this.#sent) this.#sent--;
  }
}

/** The answer to its sending will not be heard. */
function forgetAnswer(entry: PublishEntry): void {
  entry.requestId = undefined;
  entry.maybeAccepted = true;
}
