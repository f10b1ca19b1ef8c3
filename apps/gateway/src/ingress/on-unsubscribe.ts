import { CarillonError } from '@carillon/protocol';
import { encodeFrame, errorResult } from '../egress/server-frames.ts';
import type { Handler } from './frame-handlers.ts';

export const onUnsubscribe: Handler<'unsubscribe'> = (_deps, connection, { id, channels }) => {
  const results = channels.map((channel) => {
    const subscription = connection.subscriptions.get(channel);
    if (subscription === undefined)
      return {
        channel,
        error: errorResult(
          new CarillonError('NOT_SUBSCRIBED', `This connection is not subscribed to ${channel}.`),
        ),
      };
    connection.subscriptions.delete(channel);
    subscription.end();
    return { channel };
  });
  connection.sendFrame(encodeFrame({ type: 'unsubscribed', re: id, results }));
  return undefined;
};
