import type { MessageFrame, Position } from '@carillon/protocol';

/** A message as the application gets it. */
export interface Message<Payload = unknown> extends Position {
  readonly channel: string;
  readonly id: string;
  /** When the gateway took it, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly payload: Payload;
  readonly event: string | undefined;
  /** User id of the publisher; `undefined` for anonymous publishers. */
  readonly user: string | undefined;
  /** W3C traceparent, when the message's trace is sampled. */
  readonly trace: string | undefined;
  /** This client published it. */
  readonly own: boolean;
  /** Missed by the subscription and delivered by its recovery. */
  readonly recovered: boolean;
  /** Delivered before and not acknowledged in time. Only with `consumer`. */
  readonly redelivered: boolean;
}

/** A `message` frame in the form for the application. */
export function messageOf(
  frame: MessageFrame,
  marks: { own: boolean; recovered: boolean; redelivered: boolean },
): Message {
  const { channel, epoch, seq, id, timestamp, payload, event, user, trace } = frame;
  return { channel, epoch, seq, id, timestamp, payload, event, user, trace, ...marks };
}
