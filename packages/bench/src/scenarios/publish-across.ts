import { LoadProcess } from '../load/load-process.ts';
import type { Target } from '../targets/target.ts';
import { measureDelivery } from './measure.ts';
import type { Result, Timing } from './scenario.ts';

const PAD_BYTES = 100;

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
  const { dialect, token, ports } = target;
  const pairs = Array.from({ length: connections }, (_, i) => ({
    channel: `unstored:${name}-${i}`,
    publisherPort: ports[i % ports.length]!,
    subscriberPort: ports[(i + 1) % ports.length]!,
  }));
  const [subscriber, publisher] = [new LoadProcess(), new LoadProcess()];
  try {
    await subscriber.open({
      role: 'subscriber',
      dialect,
      token,
      connections: pairs.map(({ channel, subscriberPort }) => ({ port: subscriberPort, channel })),
      timeEvery: 10,
      openAtOnce: 32,
    });
    await publisher.open({
      role: 'publisher',
      dialect,
      token,
      connections: pairs.map(({ channel, publisherPort }) => ({ port: publisherPort, channels: [channel] })),
      padBytes: PAD_BYTES,
      inFlight,
    });
    return await measureDelivery({ name }, target, timing, { unit: 'publish', publisher, subscriber });
  } finally {
    subscriber.end();
    publisher.end();
  }
}
