import { stoppedError } from './stopped-error.ts';

/** Lets readers wait for writers, with a time limit. */
export class WakeUp {
  #waiting = new Set<() => void>();
  #closed = false;

  notify(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Ends all waits; later ones are refused, or a loop around them would spin. */
  close(): void {
    this.#closed = true;
    this.notify();
  }

  async wait(ms: number): Promise<void> {
    if (this.#closed) throw stoppedError();
    if (ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}
