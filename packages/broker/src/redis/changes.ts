/** Lets many wait for the next change of something. */
export class Changes {
  /** Bounded by the channels of a gateway, and the partitions that have something to publish again. */
  readonly #waiting = new Set<() => void>();

  tell(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves at the next change, at the latest after `timeoutMs`. */
  async next(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = Number.isFinite(timeoutMs) ? setTimeout(resolve, timeoutMs) : undefined;
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}
