/** Contract of every broker adapter: occupancy events of channels. */
import { decodeRecord } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, BrokerLimits, ChannelKey, FeedHandler, GatewayFeed, LogEntry } from '../ports.ts';
import type { ContractSetup } from './broker-contract.suite.ts';

const CHANNEL: ChannelKey = 'app/chat:lobby';
const DEAF: FeedHandler = {
  onMessage: () => undefined,
  onStored: () => undefined,
  onBatchEnd: () => undefined,
  onInterestLost: () => undefined,
  onDataLost: () => undefined,
  onConnection: () => undefined,
};

export function describeOccupancyContract(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
): void {
  describe(`occupancy: ${name}`, () => {
    let setup: ContractSetup;
    let broker: Broker;
    const feeds: GatewayFeed[] = [];

    const open = async (limits: Partial<BrokerLimits> = {}): Promise<void> => {
      setup = await createSetup(limits);
      broker = await setup.open();
    };
    beforeEach(() => open());
    afterEach(async () => {
      await Promise.all(feeds.splice(0).map((feed) => feed.stop()));
      await setup.close();
    });

    const join = async (gateway: string): Promise<GatewayFeed> => {
      const feed = broker.feed(gateway);
      await feed.start(DEAF);
      feeds.push(feed);
      return feed;
    };

    const publishOne = async (): Promise<void> => {
      const keeping = { history: undefined, durable: false };
      await broker.publisher.publish([{ channel: CHANNEL, id: 'm-1', record: '1', keeping }]);
    };

    /** Reads `count` events of the log, as `<event> <channel> <seq>`. */
    const told = async (count: number): Promise<readonly string[]> => {
      const entries: LogEntry[] = [];
      do entries.push(...(await broker.log.read('worker', { count: 100, blockMs: 1 })));
      while (entries.length < count);
      await broker.log.commit(entries);
      return entries.map(({ channel, seq, record }) => {
        const { header, payload } = decodeRecord(record);
        expect(header.id).toMatch(/^o-[0-9a-f]{40}$/);
        const { name: named, occurredAt } = JSON.parse(payload) as { name: string; occurredAt: number };
        expect(header.timestamp).toBe(occurredAt);
        expect(Math.abs(occurredAt - Date.now())).toBeLessThan(60_000);
        expect(channel).toBe(`app/#channels.${named}`);
        return `${header.event} ${named} ${seq}`;
      });
    };

    it('[C11] tells when the first gateway wants a channel, and when the last no longer does', async () => {
      await broker.log.tellOccupancy();
      const [one, two] = [await join('g1'), await join('g2')];
      await one.subscribe([CHANNEL]);
      await two.subscribe([CHANNEL]);
      await one.subscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.occupied chat:lobby 1']);
      await publishOne();
      await one.unsubscribe([CHANNEL]);
      await one.unsubscribe([CHANNEL]);
      expect(await told(0)).toEqual([]);
      await two.unsubscribe([CHANNEL]);
      await one.subscribe([CHANNEL]);
      expect(await told(2)).toEqual(['channel.vacated chat:lobby 2', 'channel.occupied chat:lobby 3']);
      await one.stop();
      expect(await told(1)).toEqual(['channel.vacated chat:lobby 4']);
    });

    it('[C11] begins to count anew with a channel that was forgotten because nobody published', async () => {
      await broker.log.tellOccupancy();
      const one = await join('g1');
      for (let n = 0; n < 2; n++) {
        await one.subscribe([CHANNEL]);
        await one.unsubscribe([CHANNEL]);
        expect(await told(2)).toEqual(['channel.occupied chat:lobby 1', 'channel.vacated chat:lobby 2']);
      }
      await one.stop();
    });

    it('[C11] tells of wide channels, too', async () => {
      await setup.close();
      await open({ directLaneMaxGateways: 1 });
      await broker.log.tellOccupancy();
      const joined = [await join('g1'), await join('g2'), await join('g3')];
      for (const feed of joined) await feed.subscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.occupied chat:lobby 1']);
      for (const feed of joined) await feed.unsubscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.vacated chat:lobby 2']);
      await joined[2]!.subscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.occupied chat:lobby 3']);
    });

    it('tells nothing when nobody takes note, and nothing of channels of the system', async () => {
      const one = await join('g1');
      await one.subscribe([CHANNEL]);
      await one.unsubscribe([CHANNEL]);
      expect(await told(0)).toEqual([]);
      await broker.log.tellOccupancy();
      const system: readonly ChannelKey[] = ['app/#user:ada', 'app/#system', '#/#control'];
      await one.subscribe(system);
      await one.unsubscribe(system);
      expect(await told(0)).toEqual([]);
    });

    it('begins with occupied, whenever it is asked to tell', async () => {
      const [one, two] = [await join('g1'), await join('g2')];
      await one.subscribe([CHANNEL, 'app/other']);
      await broker.log.tellOccupancy();
      await one.unsubscribe(['app/other']);
      await two.subscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.occupied chat:lobby 1']);
    });

    it('goes by the bound of the log, and stays in turns whatever it could not tell', async () => {
      await setup.close();
      await open({ logMaxEntries: 1 });
      await broker.log.tellOccupancy();
      const one = await join('g1');
      await one.subscribe([CHANNEL]);
      await one.unsubscribe([CHANNEL]); // does not fit
      expect(await told(1)).toEqual(['channel.occupied chat:lobby 1']);
      await one.subscribe([CHANNEL]);
      expect(await told(0)).toEqual([]);
      await one.unsubscribe([CHANNEL]);
      expect(await told(1)).toEqual(['channel.vacated chat:lobby 2']);
    });
  });
}
