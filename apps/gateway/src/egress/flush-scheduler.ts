/** Rest after a round, for each socket that it wrote to: a write takes 5 to 7 us, so writing takes less than a tenth of the time. */
const REST_PER_WRITE_MS = 0.1;
/** Longest wait of a message for others to share its write. */
const MAX_REST_MS = 12;
/** When the writes of a round brought this many frames each, there are above a thousand messages a second for each client: it rests twice. */
const MANY_FRAMES = 12;
/** A shorter rest is not worth a timer. */
const MIN_REST_MS = 1;
/** A large round after a quiet time like this is no sign that there is much to write: pings come so. */
const QUIET_MS = 100;
/** Written in one turn of the event loop, some 3 ms; with more, others get their turn between. */
const WRITES_PER_TURN = 500;
/** Frames of one client are copied into one buffer up to this size; above it they are handed over one by one, without a copy. */
const MAX_JOINED_BYTES = 128 * 1024;

/** A client's gathered frames. */
export interface Gathering {
  /** In a round of writes. Returns how many frames were written. */
  flushInRound(): number;
  /** At the end of a turn. */
  flushUrgent(): void;
}

interface Joined {
  readonly frames: readonly Buffer[];
  readonly bytes: Buffer;
}

/**
 * When sockets are written. A write costs the kernel as much for one frame as for ten, so frames that come while writing takes much of
 * this process's time are gathered for a few milliseconds and leave in one write per client. With little to write nothing waits: the
 * rest after a round is as long as a few times the round itself. It is reckoned from the number of writes, not measured: on a busy
 * machine a measured time would say more about other processes.
 *
 * Answers to a client don't wait: its frames leave at the end of the turn.
 */
export class FlushScheduler {
  #due: Gathering[] = [];
  /** Clients of the present round; empty: no round is under way. */
  #writing: readonly Gathering[] = [];
  #written = 0;
  #frames = 0;
  #urgent: Gathering[] = [];
  #notBeforeMs = 0;
  #lastLargeMs = Number.NEGATIVE_INFINITY;
  /** Runs of frames of this round by their first frame: subscribers of the same channels get the same run, which is joined once. */
  readonly #joined = new Map<Buffer, Joined>();

  /** `outbox` has something to write that may wait for a round. Called once per outbox and round. */
  due(outbox: Gathering): void {
    this.#due.push(outbox);
    if (this.#due.length === 1 && this.#writing.length === 0) this.#schedule();
  }

  /** `outbox` has something to write at the end of this turn. Called once per outbox and turn. */
  urgent(outbox: Gathering): void {
    this.#urgent.push(outbox);
    if (this.#urgent.length === 1) setImmediate(this.#writeUrgent);
  }

  /** The frames as one buffer, shared by all who get the same; `undefined` when they are too large to be copied. */
  join(frames: readonly Buffer[], totalBytes: number): Buffer | undefined {
    if (frames.length === 1) return frames[0]!;
    const known = this.#joined.get(frames[0]!);
    if (known !== undefined && areSame(known.frames, frames)) return known.bytes;
    if (totalBytes > MAX_JOINED_BYTES) return undefined;
    const bytes = Buffer.concat(frames, totalBytes);
    this.#joined.set(frames[0]!, { frames, bytes });
    return bytes;
  }

  #schedule(): void {
    const restMs = this.#notBeforeMs === 0 ? 0 : this.#notBeforeMs - performance.now();
    if (restMs <= 0) setImmediate(this.#round);
    else setTimeout(this.#round, restMs);
  }

  readonly #round = (): void => {
    this.#writing = this.#due;
    this.#due = [];
    this.#written = 0;
    this.#frames = 0;
    this.#writeSome();
  };

  readonly #writeSome = (): void => {
    const writing = this.#writing;
    const end = Math.min(writing.length, this.#written + WRITES_PER_TURN);
    while (this.#written < end) this.#frames += writing[this.#written++]!.flushInRound();
    if (end < writing.length) setImmediate(this.#writeSome);
    else this.#endRound(writing.length);
  };

  #endRound(writes: number): void {
    this.#writing = [];
    this.#joined.clear();
    const restMs = Math.min(MAX_REST_MS, writes * REST_PER_WRITE_MS);
    this.#notBeforeMs = this.#restUntilMs(this.#frames < writes * MANY_FRAMES ? restMs : 2 * restMs);
    if (this.#due.length > 0) this.#schedule();
  }

  /** 0: no rest. */
  #restUntilMs(restMs: number): number {
    if (restMs < MIN_REST_MS) return 0;
    const nowMs = performance.now();
    const quietMs = nowMs - this.#lastLargeMs;
    this.#lastLargeMs = nowMs;
    return quietMs < QUIET_MS ? nowMs + restMs : 0;
  }

  readonly #writeUrgent = (): void => {
    const urgent = this.#urgent;
    this.#urgent = [];
    for (const outbox of urgent) outbox.flushUrgent();
    this.#joined.clear();
  };
}

function areSame(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
