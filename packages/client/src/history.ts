import type { HistoryReason, Position } from '@carillon/protocol';
import type { Message } from './message.ts';

/** Without `after` and `before`: the newest messages, newest first. */
export interface HistoryQuery {
  /** Messages after this position, oldest first. */
  readonly after?: Position;
  /** Messages before this position, newest first. */
  readonly before?: Position;
  /** 1 to 1000, default 100. */
  readonly limit?: number;
}

export interface HistoryPage<Payload> {
  readonly messages: readonly Message<Payload>[];
  /** There are more in the direction asked for. */
  readonly more: boolean;
  /**
   * Why the position that was given is none of the channel: messages between it and the page are lost, or may be (`epoch-changed`), or it
   * has not been reached (`position-ahead`). `undefined`: it is one.
   */
  readonly reason: HistoryReason | undefined;
}
