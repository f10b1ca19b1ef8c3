import {
  CarillonError,
  type ReceivedSubscription,
  type SubscribeResult,
  SYSTEM_CHANNEL,
} from '@carillon/protocol';
import { channelKey } from '../channels/channel-name.ts';
import type { Subscription } from '../channels/subscribe.ts';
import { encodeFrame, errorResult } from '../egress/server-frames.ts';
import type { Connection } from '../session/connection.ts';
import { mayRead } from '../session/readable.ts';
import type { Handler, HandlerDependencies } from './handlers.ts';

/** [SU1] One result per channel, in the order asked for; a fault of one channel does not concern the others. */
export const onSubscribe: Handler<'subscribe'> = async (deps, connection, { id, channels }) => {
  const begun: Subscription[] = [];
  const results = await Promise.all(
    channels.map(async (request): Promise<SubscribeResult> => {
      try {
        const subscription = await subscribeOne(deps, connection, request);
        begun.push(subscription);
        return resultOf(request.channel, subscription);
      } catch (error) {
        return { channel: request.channel, error: errorResult(error) };
      }
    }),
  );
  // The answer first, then what was missed, then live messages.
  connection.sendFrame(encodeFrame({ type: 'subscribed', re: id, results }));
  for (const subscription of begun) subscription.begin();
};

async function subscribeOne(
  { subscribing, limits }: HandlerDependencies,
  connection: Connection,
  request: ReceivedSubscription,
): Promise<Subscription> {
  const { channel, fault } = request;
  if (fault !== undefined) throw fault;
  const identity = connection.identity!;
  const { app } = identity;
  // What every connection gets may as well be subscribed to.
  if (
    channel !== SYSTEM_CHANNEL &&
    !mayRead({ identity, session: connection.session }, 'subscribe', channel)
  ) {
    throw new CarillonError(
      'PERMISSION_DENIED',
      `The token does not allow to subscribe to ${channel}: it needs the capability subscribe for this channel.`,
    );
  }
  if (connection.subscriptions.has(channel) || connection.subscribing.has(channel))
    throw new CarillonError('ALREADY_SUBSCRIBED', `This connection is already subscribed to ${channel}.`);
  if (connection.subscriptions.size + connection.subscribing.size >= limits.maxSubscriptions) {
    throw new CarillonError(
      'SUBSCRIPTION_LIMIT',
      `This connection has ${limits.maxSubscriptions} subscriptions, which is the limit.`,
    );
  }
  connection.subscribing.add(channel);
  try {
    const subscription = await subscribing.subscribe(channelKey(app, channel), connection, request.position);
    if (channel === SYSTEM_CHANNEL) connection.endSystemNotices();
    if (connection.isOpen) connection.subscriptions.set(channel, subscription);
    else subscription.end();
    return subscription;
  } finally {
    connection.subscribing.delete(channel);
  }
}

function resultOf(channel: string, { beginning: { position, recovery } }: Subscription): SubscribeResult {
  const { epoch, seq } = position;
  if (recovery === undefined) return { channel, epoch, seq };
  return recovery.recovered
    ? { channel, epoch, seq, recovered: true, missed: recovery.missed }
    : { channel, epoch, seq, recovered: false, reason: recovery.reason };
}
