import { describe, expect, it } from 'vitest';
import { ACK_IDLE_TTL_MS } from '../ack-cursors.ts';
import { type ContractSetup, describeBrokerContract } from '../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../contract/broker-model.suite.ts';
import { describeOccupancyContract } from '../contract/occupancy-contract.suite.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Broker, BrokerLimits, HistoryEntry, PublishOutcome } from '../ports.ts';
import { DedupeWindow } from './dedupe.ts';
import { MemoryAcks } from './memory-acks.ts';
import { createMemoryBroker } from './memory-broker.ts';
import { MemoryState } from './memory-state.ts';

const createSetup = async (limits: Partial<BrokerLimits> = {}): Promise<ContractSetup> => {
  // Processes of one installation share its state; in one process that is one broker.
  const broker = createMemoryBroker({ partitions: 4, limits });
  await broker.start();
  return { open: async () => broker, close: () => broker.stop() };
};

describeBrokerContract('memory', createSetup);
describeOccupancyContract('memory', createSetup);
describeBrokerModel('memory', createSetup, { runs: 200 });

const NOT_KEPT = { history: undefined, durable: false };
const CHANNEL = 'app/a';

async function publish(broker: Broker): Promise<PublishOutcome> {
  const publication = { channel: CHANNEL, id: '1', record: 'x', keeping: NOT_KEPT } as const;
  return (await broker.publisher.publish([publication]))[0]!;
}

it('without a journal a channel begins a new epoch in the next process', async () => {
  const [first, second] = [await publish(createMemoryBroker()), await publish(createMemoryBroker())];
  expect([first, second]).toMatchObject([{ seq: 1 }, { seq: 1 }]);
  expect(first).not.toMatchObject({ epoch: second.status === 'accepted' && second.epoch });
});

it('takes nothing after its stop, and lets nobody spin', async () => {
  const broker = createMemoryBroker();
  await broker.start();
  await broker.stop();
  expect(await publish(broker)).toMatchObject({ status: 'refused', error: { code: 'UNAVAILABLE' } });
  await expect(broker.log.read('c', { count: 1, blockMs: 1000 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  const lease = (await broker.router.acquire(0, 'r', 1000))!;
  const reading = broker.router.read([lease], { count: 1, blockMs: 1000 });
  await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await broker.status()).toMatchObject({ ready: false });
});

it('drops the oldest messages of a feed that nobody has time for, never the newest', async () => {
  const broker = createMemoryBroker({ partitions: 1, limits: { feedMaxEntries: 10 } });
  const seqs: number[] = [];
  const { promise: delivered, resolve } = Promise.withResolvers<void>();
  const ignore = (): void => undefined;
  const feed = broker.feed('g');
  await feed.start({
    onMessage: (_channel, _epoch, seq) => seqs.push(seq),
    onStored: ignore,
    onBatchEnd: resolve,
    onInterestLost: ignore,
    onDataLost: ignore,
    onConnection: ignore,
  });
  await feed.subscribe([CHANNEL]);
  for (let i = 0; i < 25; i++) await publish(broker);
  await delivered;
  expect(seqs).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
});

describe('what is forgotten', () => {
  const limits = { ...DEFAULT_LIMITS, producerTtlMs: 10, channelIdleTtlMs: 1000 };

  it('channels that nobody wants and nothing is kept of', () => {
    const state = new MemoryState(4, limits);
    state.open('app/idle', 0);
    state.open('app/wanted', 0).interest.add('g');
    const kept = state.open('app/kept', 0);
    kept.seq = 1;
    kept.history.append(entry(1), { maxMessages: 1, ttlMs: 60_000 }, 0);
    state.sweep(5000);
    expect([...state.channels()].map(({ key }) => key)).toEqual(['app/wanted', 'app/kept']);
  });

  it('consumers of channels on which nobody has acknowledged anything for long', async () => {
    const acks = new MemoryAcks();
    const position = { epoch: 'e', seq: 1 };
    acks.restore('app/old', { consumer: 'c', ...position, atMs: 0 });
    acks.restore('app/new', { consumer: 'c', ...position, atMs: 1 });
    acks.sweep(ACK_IDLE_TTL_MS + 1);
    expect([await acks.list('app/old'), await acks.list('app/new')]).toMatchObject([[], [{ consumer: 'c' }]]);
  });

  it('silent producers and old keys', () => {
    const window = new DedupeWindow();
    const outcome = { status: 'accepted', epoch: 'e', seq: 1, id: '1', duplicate: false } as const;
    window.remember({ kind: 'producer', producer: 'p', seq: 1, prev: 0, fingerprint: 1 }, outcome, 8, 0);
    window.remember({ kind: 'key', key: 'k', ttlMs: 20, fingerprint: 1 }, outcome, 8, 0);
    window.sweep(10, 15);
    expect(window.snapshot()).toMatchObject({ producers: [], keys: [['k', {}]] });
    window.sweep(10, 25);
    expect(window.snapshot()).toEqual({ producers: [], keys: [] });
  });
});

function entry(seq: number): HistoryEntry {
  return { epoch: 'e', seq, record: `${seq}` };
}
