import { createMemoryBroker, soleEpoch } from '@carillon/broker';
import { createNamespaceResolver } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { expect, it } from 'vitest';
import { Channel } from './channel.ts';
import { DeliveryMeter } from './delivery-meter.ts';
import { EndedEpochs } from './ended-epochs.ts';
import { HistoryRetryPool } from './history-retry-pool.ts';
import { LineageReader } from './lineage-reader.ts';
import { ReorderBuffer } from './reorder-buffer.ts';

const TELEMETRY = createTelemetry({
  service: 'gateway',
  instanceId: 'test',
  version: '0',
  levels: { level: 'error', modules: {} },
  format: 'json',
  processMetrics: false,
});
const message = (seq: number, chars: number) => ({ epoch: 'e', seq, record: 'x'.repeat(chars) });
const seqs = (held: ReorderBuffer) => held.takeAll().map(({ seq }) => seq);

it('holds the newest messages, as many as may', () => {
  const held = new ReorderBuffer({ maxMessages: 3, maxChars: 1000 });
  for (let seq = 1; seq <= 5; seq++) held.push(message(seq, 1));
  expect(seqs(held)).toEqual([3, 4, 5]);
});

it('holds the newest messages, as much text as may', () => {
  const held = new ReorderBuffer({ maxMessages: 100, maxChars: 10 });
  for (let seq = 1; seq <= 5; seq++) held.push(message(seq, 4));
  expect(seqs(held)).toEqual([4, 5]);
});

it('holds one that is larger than all together may be, and begins anew when they are taken', () => {
  const held = new ReorderBuffer({ maxMessages: 100, maxChars: 10 });
  held.push(message(1, 4));
  held.push(message(2, 50));
  expect(seqs(held)).toEqual([2]);
  held.push(message(3, 5));
  held.push(message(4, 5));
  expect(seqs(held)).toEqual([3, 4]);
});

it('[SU8] what a channel could not hold is healed from history: nothing missing, in order', async () => {
  const big = 'x'.repeat(1024 * 1024);
  const mayRead = Promise.withResolvers<void>();
  let read = 0;
  const broker = createMemoryBroker();
  const feed = broker.feed('g');
  const channel = new Channel('default/big', {
    meter: new DeliveryMeter(Date.now, TELEMETRY),
    policy: createNamespaceResolver().fallback,
    historyRetries: new HistoryRetryPool(),
    readMissing: async (_channel, epoch, from, to) => {
      await mayRead.promise;
      read += to - from + 1;
      return {
        entries: Array.from({ length: to - from + 1 }, (_, i) => ({ epoch, seq: from + i, record: '' })),
      };
    },
    endedEpochs: new EndedEpochs({ broker, feed, lineages: new LineageReader(feed) }),
    onPassedSilently: () => undefined,
  });
  channel.join(soleEpoch('e', 0));
  const seqs: number[] = [];
  const all = new Promise<void>((resolve) => {
    channel.onRecord = () => {
      seqs.push(channel.position!.seq);
      if (seqs.length === 50) resolve();
    };
  });
  for (let seq = 2; seq <= 50; seq++) channel.receive('e', seq, big);
  mayRead.resolve();
  await all;
  expect(seqs).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  expect(read).toBe(46);
});
