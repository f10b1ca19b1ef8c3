import type { SavedPosition } from './saved-state.ts';

/** Positions that a predecessor left, of channels that nobody has subscribed to yet. */
export class RestoredPositions {
  readonly #positions = new Map<string, SavedPosition>();
  readonly #maxAgeMs: number;

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  add(positions: readonly SavedPosition[]): void {
    for (const saved of positions) this.#positions.set(saved.channel, saved);
  }

  /** Saved positions that are not too old to be presented. */
  fresh(): SavedPosition[] {
    const oldestMs = Date.now() - this.#maxAgeMs;
    for (const { channel, atMs } of this.#positions.values()) {
      if (atMs < oldestMs) this.#positions.delete(channel);
    }
    return [...this.#positions.values()];
  }

  take(channel: string): SavedPosition | undefined {
    this.fresh();
    const saved = this.#positions.get(channel);
    this.#positions.delete(channel);
    return saved;
  }

  clear(): void {
    this.#positions.clear();
  }
}
