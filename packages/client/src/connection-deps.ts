import type { ConnectedFrame, ServerFrame } from '@carillon/protocol';
import type { Emitter } from './emitter.ts';
import type { RealtimeError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { ResolvedOptions } from './options.ts';

/** Dependencies and callbacks of a connection. */
export interface ConnectionDeps {
  readonly options: ResolvedOptions;
  readonly events: Emitter<ClientEvents>;
  /** Frames other than those of connecting and heartbeat. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** Pending load of the state before a reload; nothing is sent until it resolves. `undefined`: nothing to load. */
  readonly restored: () => Promise<void> | undefined;
  /** Bytes of publishes and requests that the server has not answered yet. */
  readonly unansweredBytes: () => number;
  /** `connect` is sent: frames may follow it before it is answered [CN8]. */
  readonly onHandshake: () => void;
  readonly onUp: (connected: ConnectedFrame) => void;
  /** A connection, or an attempt, ended or begins: nothing that was sent before will be answered. */
  readonly onDown: () => void;
  /** Another token is in force on the live connection. */
  readonly onRefreshed: () => void;
  /** No connection will come by itself any more. */
  readonly onEnd: (error: RealtimeError) => void;
}
