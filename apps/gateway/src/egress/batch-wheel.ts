/** How exact delays are. */
const SLOT_MS = 5;
/** One more than the longest delay has: 5000 ms. */
const SLOTS = 1002;

/** An entry of the wheel. */
export interface Waiting {
  /** The entry's time has come; it is out of the wheel. */
  onDue(): void;
}

/** Tells many when their time has come, with one timer for all of them, which runs only while somebody waits. */
export class BatchWheel {
  readonly #slots: readonly Set<Waiting>[] = Array.from({ length: SLOTS }, () => new Set<Waiting>());
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #waiting = 0;
  /** The slot whose time has come, and when that was. */
  #at = 0;
  #atMs = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `waiting` is told after `delayMs`, 1 to 5000, or up to 5 ms later. Returns what ends it before; to be called once at most. */
  wait(waiting: Waiting, delayMs: number): () => void {
    const nowMs = this.#now();
    if (this.#waiting === 0) {
      this.#atMs = nowMs;
      this.#timer = setInterval(() => this.tick(), SLOT_MS);
    }
    // Behind a busy event loop the present slot is an old one.
    const slots = Math.min(SLOTS - 1, Math.ceil((nowMs - this.#atMs + delayMs) / SLOT_MS));
    const slot = this.#slots[(this.#at + slots) % SLOTS]!;
    slot.add(waiting);
    this.#waiting++;
    return () => {
      if (slot.delete(waiting)) this.#leave();
    };
  }

  /** Called by the timer. */
  tick(): void {
    const nowMs = this.#now();
    while (this.#waiting > 0 && this.#atMs + SLOT_MS <= nowMs) {
      this.#atMs += SLOT_MS;
      this.#at = (this.#at + 1) % SLOTS;
      const due = this.#slots[this.#at]!;
      for (const waiting of due) {
        due.delete(waiting);
        this.#leave();
        waiting.onDue();
      }
    }
  }

  #leave(): void {
    this.#waiting--;
    if (this.#waiting > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
