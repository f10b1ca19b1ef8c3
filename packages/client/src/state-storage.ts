/**
 * Where a client keeps its state over a reload: `localStorage`'s own methods, and optionally the life of a page. Values are up
 * to a few MiB. A plain `localStorage` does for one page at a time; `browserStorage()` keeps tabs apart.
 */
export interface StateStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  /**
   * Takes a key that nobody else has while this client lives, and calls `save` when the page may go: with `true` when no code
   * of this page runs any more. Without it the name is the key, and only `close()` and the passing of time save.
   */
  attach?(name: string, maxAgeMs: number, save: (last: boolean) => void): StateAttachment;
}

export interface StateAttachment {
  readonly key: string;
  /** Gives the key back: the next client that asks may have it. */
  detach(): void;
}
