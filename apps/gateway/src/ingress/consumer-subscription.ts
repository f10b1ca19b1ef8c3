import type { Identity } from '@carillon/auth';
import { CarillonError, type Position } from '@carillon/protocol';
import type { AckTracker } from '../channels/ack-tracker.ts';
import { channelKey, channelName } from '../channels/channel-name.ts';
import type { Channels } from '../channels/channels.ts';
import type { SubscriberSink } from '../channels/subscriber.ts';
import type { Subscription, Subscriptions } from '../channels/subscriptions.ts';

export interface ConsumerDependencies {
  readonly channels: Channels;
  readonly subscribing: Subscriptions;
  readonly ackTracker: AckTracker;
}

export interface ConsumerRequest {
  readonly channel: string;
  readonly consumer: string;
  readonly position: Position | undefined;
}

/** The name of a user's consumer in the broker. The length in front keeps (user, consumer) pairs apart. */
function consumerName({ userId = '' }: Identity, consumer: string): string {
  return `${userId.length}:${userId}|${consumer}`;
}

/** The user and the consumer of such a name. */
export function readConsumerName(name: string): {
  readonly user: string | undefined;
  readonly consumer: string;
} {
  const colon = name.indexOf(':');
  const length = Number(name.slice(0, colon));
  const user = name.slice(colon + 1, colon + 1 + length);
  return { user: user === '' ? undefined : user, consumer: name.slice(colon + 2 + length) };
}

/** [AK1] [AK2] A subscription that goes on after what its consumer has acknowledged. */
export async function subscribeConsumer(
  { channels, subscribing, ackTracker }: ConsumerDependencies,
  identity: Identity,
  sink: SubscriberSink,
  request: ConsumerRequest,
): Promise<Subscription> {
  // All clients without a token would share one consumer, and could take the places of users' ones.
  if (identity.userId === undefined)
    throw new CarillonError(
      'PERMISSION_DENIED',
      'A consumer belongs to a user: send a token, or subscribe without a consumer.',
    );
  const key = channelKey(identity.app, request.channel);
  const channel = await channels.open(key);
  const { ackTimeoutMs } = channel.policy;
  if (ackTimeoutMs === 0)
    throw new CarillonError(
      'ACKS_DISABLED',
      `The namespace of ${channelName(key)} takes no acknowledgements.`,
    );
  const consumer = consumerName(identity, request.consumer);
  const acked = await ackTracker.begin(channel, consumer, request.position ?? channel.position!);
  const plain = await subscribing.subscribe(key, sink, acked, { forConsumer: true });
  const subscription: Subscription = {
    ...plain,
    end: () => {
      ackTracker.forget(subscription);
      plain.end();
    },
  };
  ackTracker.watch(subscription, { name: consumer, ackTimeoutMs, acked });
  const { position, recovery } = plain.beginning;
  if (recovery?.recovered === false) ackTracker.giveUp(subscription, position);
  return subscription;
}
