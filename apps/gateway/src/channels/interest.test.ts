import { type ChannelKey, type GatewayFeed, soleEpoch } from '@carillon/broker';
import { expect, it } from 'vitest';
import { Interest } from './interest.ts';

const POSITION = soleEpoch('e', 7);
const partitionOf = (channel: ChannelKey): number => Number(channel.at(-1));

/** A feed whose partition 1 is away. */
function feedOf(calls: (readonly ChannelKey[])[]): GatewayFeed {
  const subscribe: GatewayFeed['subscribe'] = async (channels) => {
    calls.push(channels);
    if (channels.some((channel) => partitionOf(channel) === 1)) throw new Error('away');
    return channels.map(() => POSITION);
  };
  return { subscribe } as Partial<GatewayFeed> as GatewayFeed;
}

it('channels of a partition that is there are joined although another one is away', async () => {
  const interest = new Interest(feedOf([]), { partitions: 3, partitionOf });
  const wanted = (['app/0', 'app/1', 'app/2', 'app/x0'] as const).map((key) => interest.want(key));
  const outcomes = await Promise.allSettled(wanted);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
});

it('on one Redis all that is wanted in a turn is one call', async () => {
  const calls: (readonly ChannelKey[])[] = [];
  const interest = new Interest(feedOf(calls), { partitions: 1, partitionOf: () => 0 });
  await Promise.all((['app/0', 'app/2'] as const).map((key) => interest.want(key)));
  expect(calls).toEqual([['app/0', 'app/2']]);
});
