import type { ChannelOutbox } from './channel-outbox.ts';
import type { Emitter } from './emitter.ts';
import type { ClientEvents } from './events.ts';
import type { PublishEntry } from './publish-entry.ts';
import type { SavedPosition } from './saved-state.ts';

/** Keeps a client's state over a reload: made by `browserStorage()` or `plainStorage()`. */
export interface StateStorage {
  /** Called by the client, once. */
  keep(client: KeptClient): StateKeeper;
}

/** The parts of a client that have a state worth keeping. */
export interface KeptClient {
  readonly options: {
    readonly storageKey: string;
    readonly stateMaxAgeMs: number;
    /** The client's suspend clock. */
    readonly now: () => number;
  };
  readonly events: Emitter<ClientEvents>;
  readonly connection: { session: string };
  readonly outbox: {
    readonly channels: ReadonlyMap<string, ChannelOutbox>;
    /** Takes over publishes of a channel, before anything is sent. */
    adopt(channel: string, entries: readonly PublishEntry[]): void;
    /** Nothing more is expected of it. */
    settled(entry: PublishEntry): void;
  };
  readonly subscriptions: {
    saved(nowMs: number): SavedPosition[];
    /** Returns whether a subscription goes on from this position. */
    adopt(position: SavedPosition): boolean;
    /** Drops the restored state: it belongs to another user. */
    forgetRestored(): void;
  };
}

export interface StateKeeper {
  /** Positions were restored, and the server has not said yet whether this client is their user. */
  readonly awaitsUser: boolean;
  /** Takes a key, again after {@link detach}. Until the promise resolves nothing may be sent: a predecessor's publishes go first. */
  attach(): Promise<void> | undefined;
  /** Something changed. */
  touch(): void;
  /** Restored position of a channel that has no subscription yet. Returned once. */
  takePosition(channel: string): SavedPosition | undefined;
  /** The server said who this client is; `null`: anonymous. What a predecessor left for somebody else is dropped. */
  onUser(user: string | null): void;
  detach(): void;
}
