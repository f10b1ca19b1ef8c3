import type { ReceivedFrame } from '@carillon/protocol';
import type { Logger } from '@carillon/telemetry';
import type { ClientSockets } from '../admission/client-sockets.ts';
import type { AckTracker } from '../channels/ack-tracker.ts';
import type { Channels } from '../channels/channels.ts';
import type { Subscriptions } from '../channels/subscriptions.ts';
import type { SystemNotices } from '../channels/system-notices.ts';
import type { Degradation } from '../lifecycle/degradation.ts';
import type { Requests } from '../requests/requests.ts';
import type { Authenticator } from '../session/authenticate.ts';
import type { Connection } from '../session/connection.ts';
import type { PublishMessage } from './publish-message.ts';
import type { ReadHistory } from './read-history.ts';
import type { StoredWaiters } from './stored-waiters.ts';

/** Dependencies of the frame handlers. */
export interface HandlerDependencies {
  readonly gateway: string;
  readonly authenticator: Authenticator;
  readonly sockets: ClientSockets;
  readonly subscribing: Subscriptions;
  readonly publishMessage: PublishMessage;
  readonly stored: StoredWaiters;
  readonly readHistory: ReadHistory;
  readonly channels: Channels;
  readonly ackTracker: AckTracker;
  readonly systemNotices: SystemNotices;
  readonly degradation: Degradation;
  readonly requests: Requests;
  /** A client was let in. */
  readonly onConnected: (connection: Connection) => void;
  readonly logger: Logger;
  /** The clock that all services share. */
  readonly nowMs: () => number;
  readonly limits: {
    readonly maxConnections: number;
    readonly maxFrameBytes: number;
    readonly maxSubscriptions: number;
    readonly maxChannelsPerFrame: number;
    readonly pingIntervalMs: number;
    readonly heartbeatTimeoutMs: number;
  };
}

/** Serves one type of frame. A promise holds up the connection's later frames; `undefined` doesn't. */
export type Handler<Type extends ReceivedFrame['type']> = (
  deps: HandlerDependencies,
  connection: Connection,
  frame: Extract<ReceivedFrame, { type: Type }>,
) => Promise<void> | undefined;
