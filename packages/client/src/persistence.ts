import { RealtimeError } from './errors.ts';
import {
  type DiscardReason,
  readState,
  type SavedState,
  type StateParts,
  writeState,
} from './saved-state.ts';
import type { StateAttachment, StateStorage } from './state-storage.ts';

/** Changes within this time are written at once. A page that goes is written without delay. */
const SAVE_DELAY_MS = 200;

export interface PersistenceDeps {
  readonly storage: StateStorage;
  readonly name: string;
  readonly maxAgeMs: number;
  readonly parts: () => StateParts;
  readonly onDiscarded: (reason: DiscardReason) => void;
  readonly onError: (error: RealtimeError) => void;
}

/** Keeps a client's state in a storage, and gives back what its predecessor on this page left. */
export class Persistence {
  readonly #deps: PersistenceDeps;
  #attachment: StateAttachment | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failed = false;

  constructor(deps: PersistenceDeps) {
    this.#deps = deps;
  }

  attach(): void {
    if (this.#attachment !== undefined) return;
    const { storage, name, maxAgeMs } = this.#deps;
    const save = (last: boolean) => this.save(last);
    this.#attachment = storage.attach?.(name, maxAgeMs, save) ?? { key: name, detach: () => undefined };
  }

  /** What the predecessor left, if it can be used. */
  load(): SavedState | undefined {
    const { storage, maxAgeMs, onDiscarded } = this.#deps;
    const text = storage.getItem(this.#attachment!.key);
    if (text === null) return undefined;
    const reading = readState(text, maxAgeMs, Date.now());
    if ('state' in reading) return reading.state;
    storage.removeItem(this.#attachment!.key);
    onDiscarded(reading.discarded);
    return undefined;
  }

  /** Something changed. */
  touch(): void {
    if (this.#attachment === undefined) return;
    this.#timer ??= setTimeout(() => this.save(false), SAVE_DELAY_MS);
  }

  /** @param last no code of this page runs after it */
  save(last: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#attachment === undefined) return;
    try {
      this.#deps.storage.setItem(this.#attachment.key, writeState(this.#deps.parts(), last, Date.now()));
      this.#failed = false;
    } catch (cause) {
      this.#onFailure(cause);
    }
  }

  /** E.g. the storage is full. What was saved before stays: it is older, and consistent in itself. Told once until it works again. */
  #onFailure(cause: unknown): void {
    if (!this.#failed) {
      this.#deps.onError(new RealtimeError('STATE_NOT_SAVED', 'The state could not be saved', { cause }));
    }
    this.#failed = true;
  }

  detach(): void {
    if (this.#attachment === undefined) return;
    this.save(true);
    this.#attachment.detach();
    this.#attachment = undefined;
  }
}
