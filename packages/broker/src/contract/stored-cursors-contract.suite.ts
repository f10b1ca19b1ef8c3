/** Contract of adapters that can lose cursors: persistence stores them as well. */
import { setImmediate } from 'node:timers/promises';
import { CarillonError, type Position } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, BrokerLimits, ChannelKey, ColdQuery, GatewayFeed, HistoryEntry } from '../ports.ts';
import type { ContractSetup } from './broker-contract.suite.ts';
import { readLog } from './patience.suite.ts';

const CHANNEL: ChannelKey = 'app/chat:lobby';
const BRIEF = { durable: false, gateway: 'g1' };
const DURABLE = { durable: true, gateway: 'g1' };
const at = (epoch: string, seq: number): Position => ({ epoch, seq });

export function describeStoredCursors(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
): void {
  describe(`cursors of durable channels: ${name}`, () => {
    let setup: ContractSetup;
    let broker: Broker;

    const begin = async (limits?: Partial<BrokerLimits>): Promise<void> => {
      setup = await createSetup(limits);
      broker = await setup.open();
    };
    beforeEach(() => begin());
    afterEach(() => setup.close());

    const startFeed = async (): Promise<GatewayFeed> => {
      const nothing = (): void => undefined;
      const feed = broker.feed('g1');
      await feed.start({
        onMessage: nothing,
        onStored: nothing,
        onBatchEnd: nothing,
        onInterestLost: nothing,
        onDataLost: nothing,
        onConnection: nothing,
      });
      return feed;
    };
    /** A worker that answers until it is disposed of. */
    const servedCold = (answer: (query: ColdQuery) => readonly HistoryEntry[]): AsyncDisposable => {
      const stop = new AbortController();
      const serving = broker.cold.serve(async (query) => answer(query), stop.signal);
      return {
        [Symbol.asyncDispose]: async () => {
          stop.abort();
          await serving;
        },
      };
    };
    /** The worker may join after the question: as a client would, it asks until the worker is there. */
    const opened = async (consumer: string, initial: Position): Promise<Position> => {
      for (;;) {
        try {
          return await broker.acks.open(CHANNEL, consumer, initial, DURABLE);
        } catch (error) {
          if (!(error instanceof CarillonError) || error.code !== 'HISTORY_UNAVAILABLE') throw error;
          await setImmediate();
        }
      }
    };

    it('[D8] tells the log of a durable channel where its consumers are, and nothing of others', async () => {
      const { acks } = broker;
      const feed = await startFeed();
      await using _ = servedCold(() => []);
      await acks.ack(CHANNEL, 'brief', at('e1', 1), BRIEF);
      expect(await opened('one', at('e1', 5))).toEqual(at('e1', 5));
      await acks.ack(CHANNEL, 'one', at('e1', 5), DURABLE);
      await acks.ack(CHANNEL, 'one', at('e1', 8), DURABLE);
      const entries = await readLog(broker, 'c');
      const told = entries.map(({ channel, consumer, epoch, seq, marker, storedTo }) => {
        return { channel, consumer, epoch, seq, marker, storedTo };
      });
      const entry = { channel: CHANNEL, consumer: 'one', marker: false, storedTo: undefined };
      expect(told).toEqual([
        { ...entry, ...at('e1', 5) },
        { ...entry, ...at('e1', 8) },
      ]);
      for (const { record } of entries) expect(Math.abs(Date.now() - Number(record))).toBeLessThan(60_000);
      await feed.stop();
    });

    it('[D8] asks persistence for a consumer that it does not know, and begins at no guess', async () => {
      const { acks } = broker;
      const feed = await startFeed();
      await expect(acks.open(CHANNEL, 'one', at('e2', 9), DURABLE)).rejects.toMatchObject({
        code: 'HISTORY_UNAVAILABLE',
        retryable: true,
      });
      expect(await acks.find(CHANNEL, 'one')).toBeUndefined();
      await using _ = servedCold((query) =>
        query.kind === 'cursor' && query.consumer === 'one' ? [{ ...at('e1', 3), record: '' }] : [],
      );
      expect(await opened('one', at('e2', 9))).toEqual(at('e1', 3));
      expect(await opened('two', at('e2', 9))).toEqual(at('e2', 9));
      await feed.stop();
    });

    it('[D8] begins no consumer that the full log can not be told of', async () => {
      await setup.close();
      await begin({ logMaxEntries: 1 });
      const feed = await startFeed();
      await using _ = servedCold(() => []);
      expect(await opened('one', at('e1', 1))).toEqual(at('e1', 1));
      await expect(opened('two', at('e1', 1))).rejects.toMatchObject({ code: 'LOG_FULL' });
      // The broker keeps this acknowledgement and sends it to persistence with the next.
      await broker.acks.ack(CHANNEL, 'one', at('e1', 2), DURABLE);
      expect(await broker.acks.find(CHANNEL, 'one')).toMatchObject(at('e1', 2));
      await feed.stop();
    });
  });
}
