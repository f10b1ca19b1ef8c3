import { CarillonError } from '@carillon/protocol';
import { errorFrame, toCarillonError } from '../egress/server-frames.ts';
import type { Handler } from './frame-handlers.ts';

/** [AK3] Only errors are answered. */
export const onAck: Handler<'ack'> = ({ ackTracker }, connection, { id, channel, epoch, seq }) => {
  try {
    const subscription = connection.subscriptions.get(channel);
    if (subscription === undefined)
      throw new CarillonError('NOT_SUBSCRIBED', `This connection is not subscribed to ${channel}.`);
    ackTracker.ack(subscription, { epoch, seq });
  } catch (error) {
    connection.sendFrame(errorFrame(toCarillonError(error), id));
  }
  return undefined;
};
