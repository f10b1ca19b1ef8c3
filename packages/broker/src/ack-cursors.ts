import type { Position } from '@carillon/protocol';
import type { ChannelKey } from './channel-key.ts';

/** Consumers of one channel. */
export const MAX_CONSUMERS = 1000;
/** After the channel's last acknowledgement. */
export const ACK_IDLE_TTL_MS = 30 * 86_400_000;

/** Cursor of a consumer: the last position it has acknowledged on a channel. */
export interface AckCursor extends Position {
  /** Opaque to the broker; names the user and the user's consumer. */
  readonly consumer: string;
  /** Of the last acknowledgement, or of the consumer's beginning; milliseconds since 1970. */
  readonly atMs: number;
}

/** How a channel's cursors are kept. */
export interface CursorKeeping {
  /** An adapter that can lose cursors tells them to the log as well, from which persistence stores them in Postgres. */
  readonly durable: boolean;
}

export interface OpeningCursor extends CursorKeeping {
  /** Gateway whose feed receives persistence's answer. */
  readonly gateway: string;
}

/** Persistence is asked for so long where a consumer goes on. */
export const STORED_CURSOR_TIMEOUT_MS = 5000;

/** Durable subscriptions: how far each consumer has got. A consumer is forgotten `ackIdleTtlMs` after the channel's last acknowledgement. */
export interface AckCursors {
  /**
   * The consumer's position; a new consumer begins at `initial`. An adapter that can lose cursors asks persistence first, on a durable
   * channel, whether the consumer is new. Rejects with `CONSUMER_LIMIT`, `HISTORY_UNAVAILABLE` without an answer, or `LOG_FULL`.
   */
  open(channel: ChannelKey, consumer: string, initial: Position, opening: OpeningCursor): Promise<Position>;
  /** Moves a consumer forward; a position behind its own changes nothing. */
  ack(channel: ChannelKey, consumer: string, position: Position, keeping: CursorKeeping): Promise<void>;
  /** One consumer of a channel; `undefined` when it isn't known. */
  find(channel: ChannelKey, consumer: string): Promise<AckCursor | undefined>;
  /** All consumers of a channel, at most 1000, in no order. */
  list(channel: ChannelKey): Promise<readonly AckCursor[]>;
}
