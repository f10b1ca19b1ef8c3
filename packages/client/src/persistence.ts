import type { ChannelOutbox } from './channel-outbox.ts';
import { type Deferred, deferred } from './deferred.ts';
import { RealtimeError } from './errors.ts';
import type { ItemStorage, StateAttachment } from './item-storage.ts';
import type { PublishEntry } from './publish-entry.ts';
import { RestoredPositions } from './restored-positions.ts';
import { discardedState, restoredQueue, savedQueue } from './saved-queue.ts';
import { type DiscardReason, readState, type SavedState, writeState } from './saved-state.ts';
import type { KeptClient, StateKeeper, StateStorage } from './state-storage.ts';

/** Changes within this time are written at once. A page that goes is written without delay. */
const SAVE_DELAY_MS = 200;
/** A state that nothing changes is written again before it is too old, so often within its age. */
const RENEWALS_PER_AGE = 5;

/**
 * State in any object with `localStorage`'s methods, for one client at a time: the key is the option `storageKey`. In a page
 * `browserStorage()` keeps tabs apart.
 */
export function plainStorage(items: ItemStorage): StateStorage {
  return { keep: (client) => new Persistence(items, client) };
}

/** Keeps a client's state in a storage, and gives it what its predecessor on this page left. */
class Persistence implements StateKeeper {
  readonly #items: ItemStorage;
  readonly #client: KeptClient;
  readonly #positions: RestoredPositions;
  #attachment: StateAttachment | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failed = false;
  #loaded = false;
  #renewal: ReturnType<typeof setInterval> | undefined;
  /** Resolves when the key is known. */
  #ready: Deferred<void> | undefined;
  /** User of this state: `null` for an anonymous client, `undefined` before the first connection. */
  #user: string | null | undefined;
  #restored: SavedState | undefined;

  constructor(items: ItemStorage, client: KeptClient) {
    this.#items = items;
    this.#client = client;
    this.#positions = new RestoredPositions(client.options.stateMaxAgeMs);
  }

  get awaitsUser(): boolean {
    return this.#restored?.user !== undefined;
  }

  attach(): Promise<void> | undefined {
    const { storageKey, stateMaxAgeMs } = this.#client.options;
    if (this.#attachment === undefined) {
      const attachment = this.#items.attach?.(storageKey, stateMaxAgeMs, {
        save: (last) => this.#save(last),
        onKey: () => this.#load(),
        onTaken: (sinceMs) => this.#onTaken(sinceMs),
        onLeftOver: (text) => this.#tellLeftOver(text),
        onFailure: (cause) => this.#onFailure(cause),
      });
      this.#attachment = attachment ?? { key: storageKey, detach: () => undefined };
      this.#renewal = setInterval(() => this.#save(false), stateMaxAgeMs / RENEWALS_PER_AGE);
      // In Node: it is no reason for a process to live.
      (this.#renewal as { unref?(): void }).unref?.();
      if (this.#attachment.key !== undefined) this.#load();
      else this.#ready = deferred();
    }
    return this.#ready?.promise;
  }

  /** The key is known: what the predecessor left there goes to the client. Not again after a `close` and another `connect`. */
  #load(): void {
    const { key } = this.#attachment ?? {};
    if (key !== undefined && !this.#loaded) {
      this.#loaded = true;
      const text = this.#try(() => this.#items.getItem(key)) ?? undefined;
      const state = text === undefined ? undefined : this.#read(text);
      if (state !== undefined) this.#restore(state);
      // Also tells a page in the browser's cache that what it left has been taken.
      if (text !== undefined) this.#save(false);
    }
    this.touch(); // what changed before the key was known
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  /** The state in a text; what can't be used is told. */
  #read(text: string): SavedState | undefined {
    const { state, discarded } = readState(text, this.#client.options.stateMaxAgeMs, Date.now());
    if (discarded === undefined) return state;
    this.#discard(discarded, state);
    return undefined;
  }

  /** Every tab that is closed leaves its positions: only publishes are worth a word. */
  #tellLeftOver(text: string): void {
    const { state } = readState(text, 0, Date.now());
    if (state !== undefined && state.queue.length > 0) this.#discard('too-old', state);
  }

  #discard(reason: DiscardReason, state: SavedState | undefined): void {
    const event = { reason, ...discardedState(state) };
    // The constructor may be running: listeners are added after it.
    queueMicrotask(() => this.#client.events.emit('stateDiscarded', event));
  }

  #restore(state: SavedState): void {
    const { outbox, subscriptions, options, events, connection } = this.#client;
    // Without a user the server recognises repeated publishes by the session.
    connection.session = state.session ?? connection.session;
    this.#user = state.user;
    this.#restored = state;
    this.#positions.add(state.positions.filter((saved) => !subscriptions.adopt(saved)));
    const queue = restoredQueue(state, options.now(), (event) => {
      events.emit('restoredPublish', event);
      this.touch();
    });
    for (const [channel, entries] of queue) outbox.adopt(channel, entries);
  }

  takePosition(channel: string): ReturnType<RestoredPositions['take']> {
    return this.#positions.take(channel);
  }

  onUser(user: string | null): void {
    const restored = this.#restored;
    this.#restored = undefined;
    this.#user = user;
    // New publishes of this page are of whoever connects; restored ones are not.
    if (restored?.user !== undefined && restored.user !== user) this.#dropRestored(restored);
    this.touch();
  }

  /** Nothing may be sent in the name of somebody else. */
  #dropRestored(restored: SavedState): void {
    const { outbox, subscriptions } = this.#client;
    this.#positions.clear();
    subscriptions.forgetRestored();
    for (const [channel, entry] of this.#entries())
      if (entry.restored) {
        channel.remove(entry);
        outbox.settled(entry);
      }
    this.#discard('other-user', restored);
  }

  #entries(): (readonly [ChannelOutbox, PublishEntry])[] {
    return [...this.#client.outbox.channels.values()].flatMap((channel) =>
      channel.entries.map((entry) => [channel, entry] as const),
    );
  }

  /**
   * While this page was in the browser's cache another one went on with its state, and may have sent what waits here. It keeps its
   * stamps: a repeat is harmless while the server remembers it, and is given up after that.
   */
  #onTaken(sinceMs: number): void {
    const { now } = this.#client.options;
    const sentAtMs = now() - Math.max(0, Date.now() - sinceMs);
    for (const [, entry] of this.#entries()) {
      entry.firstSentAtMs ??= sentAtMs;
      entry.maybeAccepted = true;
    }
  }

  touch(): void {
    if (this.#attachment === undefined) return;
    this.#timer ??= setTimeout(() => this.#save(false), SAVE_DELAY_MS);
  }

  /** @param last no code of this page runs after it */
  #save(last: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { key } = this.#attachment ?? {};
    if (key === undefined) return;
    this.#try(() => {
      this.#items.setItem(key, this.#written(last));
      this.#failed = false;
    });
  }

  #written(last: boolean): string {
    const { outbox, subscriptions, options, connection } = this.#client;
    const parts = {
      ...(typeof this.#user === 'string' ? {} : { session: connection.session }),
      ...(this.#user === undefined ? {} : { user: this.#user }),
      positions: [...this.#positions.fresh(), ...subscriptions.saved(Date.now())],
      queue: savedQueue(outbox.channels.values(), options.now()),
    };
    return writeState(parts, last, Date.now());
  }

  /** E.g. the storage is full. What was saved before stays: it is older, and consistent in itself. Told once until it works again. */
  #try<Result>(access: () => Result): Result | undefined {
    try {
      return access();
    } catch (cause) {
      this.#onFailure(cause);
      return undefined;
    }
  }

  #onFailure(cause: unknown): void {
    const error = new RealtimeError('STATE_NOT_SAVED', 'The state could not be saved', { cause });
    if (!this.#failed) queueMicrotask(() => this.#client.events.emit('error', error));
    this.#failed = true;
  }

  detach(): void {
    this.#save(true);
    clearInterval(this.#renewal);
    this.#attachment?.detach();
    this.#attachment = undefined;
    this.#ready = undefined;
  }
}
