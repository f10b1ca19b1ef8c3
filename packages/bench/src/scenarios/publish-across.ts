import type { Target } from '../targets/target.ts';
import { measureDelivery } from './measure-delivery.ts';
import type { Result, Timing } from './scenario.ts';

export interface PublishAcross {
  /** Of the scenario; its channels have it in their names. */
  readonly name: string;
  readonly connections: number;
  /** Publishes of each connection that are not answered yet. */
  readonly inFlight: number;
}

/** As many publishes as go, kept in Redis only. Each connection has a channel of its own, with a subscriber at the other node. */
export async function publishAcross(
  { name, connections, inFlight }: PublishAcross,
  target: Target,
  timing: Timing,
): Promise<Result> {
  const { ports } = target;
  const pairs = Array.from({ length: connections }, (_, i) => ({
    channel: `unstored:${name}-${i}`,
    publisherPort: ports[i % ports.length]!,
    subscriberPort: ports[(i + 1) % ports.length]!,
  }));
  return await measureDelivery({ name }, target, timing, {
    unit: 'publish',
    subscriber: {
      connections: pairs.map(({ channel, subscriberPort }) => ({ port: subscriberPort, channel })),
      timeEvery: 10,
    },
    publisher: {
      connections: pairs.map(({ channel, publisherPort }) => ({ port: publisherPort, channels: [channel] })),
      inFlight,
    },
  });
}
