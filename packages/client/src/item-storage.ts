/**
 * Where states are kept: `localStorage`'s own methods, and optionally the life of a page. Values are up to a few MiB. Every method may
 * throw, e.g. because the storage is full: the client tells that as `STATE_NOT_SAVED` and goes on.
 */
export interface ItemStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  /**
   * Finds a key that nobody else has while this client lives. Without it the name is the key, and only `close()` and the passing of
   * time save.
   */
  attach?(name: string, maxAgeMs: number, owner: StateOwner): StateAttachment;
}

/** The client, as the storage sees it. */
export interface StateOwner {
  /** The page may go; with `true` no code of it runs any more. */
  save(last: boolean): void;
  /** {@link StateAttachment.key} is known now. Not called when it was known at once. */
  onKey(): void;
  /** Another page went on with this client's state, at some time since then (milliseconds since 1970). The key is another one from now on. */
  onTaken(sinceMs: number): void;
  /** A state that nobody came back for in time, and that has been removed. */
  onLeftOver(text: string): void;
  /** A successor will not find the state. */
  onFailure(cause: unknown): void;
}

export interface StateAttachment {
  /** `undefined` until it is known. */
  readonly key: string | undefined;
  /** Gives the key back: the next client that asks may have it. */
  detach(): void;
}
