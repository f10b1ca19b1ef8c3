/** Events of connections on their way from the gateways to webhooks: messages of channels that no client can name. */

/** Begins the name of such a channel; the gateway's id follows. */
export const CLIENT_EVENTS_CHANNEL_PREFIX = '#clients.';

export const CLIENT_EVENTS = ['client.connected', 'client.disconnected'] as const;
export type ClientEventName = (typeof CLIENT_EVENTS)[number];

/** Payload of such a message. Times are milliseconds since 1970-01-01 UTC. */
export interface ClientEvent {
  readonly connection: string;
  readonly gateway: string;
  /** Absent for anonymous clients. */
  readonly user?: string | undefined;
  readonly connectedAt: number;
  /** When it is gone: since when, and the WebSocket's close code. */
  readonly disconnectedAt?: number | undefined;
  readonly code?: number | undefined;
}

/** Begins the name of the channel that tells of another one whether anybody wants it; that one's name follows. */
export const CHANNEL_EVENTS_CHANNEL_PREFIX = '#channels.';

export const CHANNEL_EVENTS = ['channel.occupied', 'channel.vacated'] as const;
export type ChannelEventName = (typeof CHANNEL_EVENTS)[number];

/** Payload of such a message. */
export interface ChannelEvent {
  readonly name: string;
  /** Milliseconds since 1970-01-01 UTC, by the broker's clock. */
  readonly occurredAt: number;
}
