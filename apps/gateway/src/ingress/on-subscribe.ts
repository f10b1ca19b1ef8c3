import {
  CarillonError,
  type Position,
  type ReceivedSubscription,
  type SubscribeResult,
  SYSTEM_CHANNEL,
} from '@carillon/protocol';
import { channelKey } from '../channels/channel-name.ts';
import type { Subscription } from '../channels/subscriptions.ts';
import { encodeFrame, errorResult } from '../egress/server-frames.ts';
import type { Connection } from '../session/connection.ts';
import { mayRead } from '../session/read-permission.ts';
import { subscribeConsumer } from './consumer-subscription.ts';
import type { Handler, HandlerDependencies } from './frame-handlers.ts';
import { permissionError } from './permission-error.ts';

/** [SU1] One result per channel, in the order asked for; a fault of one channel does not concern the others. */
export const onSubscribe: Handler<'subscribe'> = async (deps, connection, { id, channels }) => {
  const begun: Subscription[] = [];
  const results = await Promise.all(
    channels.map(async (request): Promise<SubscribeResult> => {
      try {
        const subscription = await subscribeOne(deps, connection, request);
        begun.push(subscription);
        return resultOf(request.channel, subscription, deps.ackTracker.ackedBy(subscription));
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
  deps: HandlerDependencies,
  connection: Connection,
  request: ReceivedSubscription,
): Promise<Subscription> {
  if (request.fault !== undefined) throw request.fault;
  const { channel, position, consumer } = request;
  const { subscribing, limits } = deps;
  const identity = connection.identity!;
  const { app } = identity;
  // Every connection receives the system channel: subscribing to it needs no capability.
  if (
    channel !== SYSTEM_CHANNEL &&
    !mayRead({ identity, session: connection.session }, 'subscribe', channel)
  ) {
    throw permissionError(identity, `subscribing to ${channel}`, 'subscribe', { channel });
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
    const subscription =
      consumer === undefined
        ? await subscribing.subscribe(channelKey(app, channel), connection, position)
        : await subscribeConsumer(deps, identity, connection, { channel, consumer, position });
    if (channel === SYSTEM_CHANNEL) connection.endSystemNotices?.();
    if (connection.isOpen) connection.subscriptions.set(channel, subscription);
    else subscription.end();
    return subscription;
  } finally {
    connection.subscribing.delete(channel);
  }
}

function resultOf(
  channel: string,
  { beginning: { position, recovery } }: Subscription,
  acked: Position | undefined,
): SubscribeResult {
  const { epoch, seq } = position;
  const start = { channel, epoch, seq, ...(acked === undefined ? {} : { acked }) };
  if (recovery === undefined) return start;
  return recovery.recovered
    ? { ...start, recovered: true, missed: recovery.missed }
    : { ...start, recovered: false, reason: recovery.reason };
}
