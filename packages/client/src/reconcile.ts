import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { backoffDelayMs, type Pace } from './backoff.ts';
import { RealtimeError } from './errors.ts';
import type { Message } from './message.ts';

/** Messages were lost to a subscription: the application has to fetch the state that they would have led to. */
export interface SnapshotRequest {
  readonly channel: string;
  /** Why; `too-many-held`: more came during the last snapshot than may be held. */
  readonly reason: NotRecoveredReason | 'too-many-held';
  /** Last position handed over before the loss. */
  readonly from: Position | undefined;
  /** The snapshot has to contain everything up to here; what comes after it is held. */
  readonly to: Position;
}

/**
 * Fetches and applies a snapshot. May return the position up to which it reaches: held messages up to there are left out.
 * Without it all of them are handed over, and applying one twice has to be harmless.
 */
export type SnapshotCallback = (request: SnapshotRequest) => Promise<Position | undefined> | Promise<void>;

export interface ReconcileDeps {
  readonly channel: string;
  readonly callback: SnapshotCallback;
  /** Messages held at most. */
  readonly maxHeld: number;
  readonly pace: Pace;
  readonly release: (message: Message) => void;
  readonly onError: (error: RealtimeError) => void;
}

/** Holds a subscription's messages from a loss until the application has a snapshot. */
export class Reconcile {
  readonly #deps: ReconcileDeps;
  #held: Message[] = [];
  /** The pending snapshot request; `undefined` when nothing is missing. */
  #request: SnapshotRequest | undefined;
  #running = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: ReconcileDeps) {
    this.#deps = deps;
  }

  /** While messages are held: what is asked for. */
  get request(): SnapshotRequest | undefined {
    return this.#request;
  }

  lost(reason: SnapshotRequest['reason'], from: Position | undefined, to: Position): void {
    this.#held = [];
    const { channel } = this.#deps;
    this.#request = { channel, reason, from: this.#request === undefined ? from : this.#request.from, to };
    if (!this.#running) this.#run();
  }

  /** Returns whether the message is held. */
  hold(message: Message): boolean {
    if (this.#request === undefined) return false;
    if (this.#held.length >= this.#deps.maxHeld) {
      this.lost('too-many-held', undefined, { epoch: message.epoch, seq: message.seq });
    } else this.#held.push(message);
    return true;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#request = undefined;
    this.#held = [];
  }

  #run(): void {
    clearTimeout(this.#timer);
    const request = this.#request;
    if (request === undefined) return;
    this.#running = true;
    this.#ask(request).then(
      (covered) => this.#applied(request, covered),
      (cause: unknown) => this.#failed(cause),
    );
  }

  async #ask(request: SnapshotRequest): Promise<Position | undefined> {
    return (await this.#deps.callback(request)) ?? undefined;
  }

  #applied(request: SnapshotRequest, covered: Position | undefined): void {
    this.#running = false;
    if (this.#request === undefined) return;
    // More was lost meanwhile: this snapshot is too old.
    if (this.#request !== request) {
      this.#run();
      return;
    }
    if (covered?.epoch === request.to.epoch && covered.seq < request.to.seq) {
      this.#failed(new Error(`The snapshot reaches to seq ${covered.seq}, needed is ${request.to.seq}`));
      return;
    }
    const held = this.#held;
    this.#held = [];
    this.#request = undefined;
    this.#failures = 0;
    for (const message of held) {
      if (message.epoch !== covered?.epoch || message.seq > covered.seq) this.#deps.release(message);
    }
  }

  #failed(cause: unknown): void {
    this.#running = false;
    if (this.#request === undefined) return;
    const { pace, onError, channel } = this.#deps;
    this.#failures++;
    this.#timer = setTimeout(() => this.#run(), backoffDelayMs(pace, this.#failures));
    const text = `onSnapshotNeeded of ${channel} failed; it is called again, messages are held meanwhile`;
    onError(new RealtimeError('SNAPSHOT_FAILED', text, { retryable: true, cause }));
  }
}
