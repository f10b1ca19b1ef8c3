import type { NotRecoveredReason, Position } from '@carillon/protocol';
import type { Frame } from '../egress/frame.ts';

/** Output of a channel to one subscriber. */
export interface SubscriberSink {
  /** Id of the connection, for logs. */
  readonly connectionId: string;
  readonly isOpen: boolean;
  /** Leaves at once. */
  sendFrame(frame: Frame): void;
  /** Leaves in order with all others, perhaps some milliseconds later and together with them. */
  sendMessage(message: Frame): void;
  /** A message that the client has waited for: leaves at once, unless the client asked for batches. */
  sendMissed(message: Frame): void;
  /** Before more of what can wait: `undefined` when there is room, else resolves when there is, or when the client is gone. */
  room(): Promise<void> | undefined;
  tellGap(channel: string, from: Position, to: Position, reason: NotRecoveredReason): void;
}

/** One connection's subscription to one channel. While it catches up, live messages pass it by; it reads them from history. */
export class Subscriber {
  readonly sink: SubscriberSink;
  catchingUp = false;
  /** Where a loss begins that became known while it caught up: it is told when it has. */
  lateLoss: Position | undefined;

  constructor(sink: SubscriberSink) {
    this.sink = sink;
  }
}
