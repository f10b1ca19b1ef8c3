/** The memory broker with a journal that may lack its end: after a loss of power, a cut, or a copy that was put back. */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countAfter, endOf, type Lineage } from '../../lineage.ts';
import type { Broker, ChannelKey, FeedHandler, Publication, PublishOutcome } from '../../ports.ts';
import type { UnsettledPartition } from '../../reconciliation.ts';
import { createMemoryBroker } from '../memory-broker.ts';
import type { JournalFsync } from './journal-entry.ts';
import type { Boot, Machine } from './machine.ts';

const CHANNEL: ChannelKey = 'app/chat:a';
const HOT = { history: { maxMessages: 100, ttlMs: 60_000 }, durable: false };
const DURABLE = { ...HOT, durable: true };

let base: string;
let folder: string;
const running: Broker[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'carillon-journal-loss-'));
  folder = join(base, 'journal');
});
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.stop().catch(() => undefined);
  rmSync(base, { recursive: true, force: true });
});

const machine = (boot: Boot, file = 'file'): Machine => ({ boot: () => boot, fileOf: () => file });
const FIRST_BOOT = machine({ id: 'first' });
const NEXT_BOOT = machine({ id: 'next' });

async function open(path = folder, on = FIRST_BOOT, fsync: JournalFsync = 'everysec'): Promise<Broker> {
  const journal = { folder: path, fsync, machine: on };
  const broker = createMemoryBroker({ partitions: 2, journal });
  running.push(broker);
  await broker.start();
  return broker;
}

let copies = 0;

/** Copy of the files as the operating system has them now. */
function left(path = folder): string {
  const copy = join(base, `copy-${++copies}`);
  cpSync(path, copy, { recursive: true });
  return copy;
}

const logOf = (path: string): string =>
  join(path, readdirSync(path).findLast((name) => name.endsWith('.log'))!);
const sizeOf = (path: string): number => statSync(logOf(path)).size;

/** Copy of a journal without its last bytes, as after a power loss. */
function cutAt(path: string, bytes: number): string {
  const copy = left(path);
  truncateSync(logOf(copy), bytes);
  return copy;
}

let counter = 0;

function message(record: string, extra: Partial<Publication> = {}): Publication {
  return { channel: CHANNEL, id: `m-${++counter}`, record, keeping: HOT, ...extra };
}

async function publish(broker: Broker, ...some: readonly Publication[]): Promise<readonly PublishOutcome[]> {
  return await broker.publisher.publish(some);
}

async function lineageOf(broker: Broker, channel = CHANNEL): Promise<Lineage> {
  const { emptySinceMs: _, ...lineage } = (await broker.history.latest(channel, { limit: 1 })).top!;
  return lineage;
}

/** By position, as far as history has it. */
async function contents(broker: Broker): Promise<Record<string, string>> {
  const { top, entries } = await broker.history.range(CHANNEL, { from: 1, to: 1e6, limit: 1e6 });
  const ended = await Promise.all(
    (top?.before ?? []).map(({ epoch, lastSeq }) =>
      broker.history.ended(CHANNEL, { epoch, from: 1, to: lastSeq, limit: 1000 }),
    ),
  );
  return Object.fromEntries(
    [...ended.flat(), ...entries].map(({ epoch, seq, record }) => [`${epoch}:${seq}`, record]),
  );
}

const producer = (seq: number, prev = seq - 1) =>
  ({ dedupe: { kind: 'producer', producer: 'p', seq, prev, fingerprint: 7 } }) as const;

const handler = (told: Partial<FeedHandler> = {}): FeedHandler => ({
  onMessage: () => undefined,
  onStored: () => undefined,
  onBatchEnd: () => undefined,
  onInterestLost: () => undefined,
  onDataLost: () => undefined,
  onConnection: () => undefined,
  ...told,
});

/** As persistence does, with a database that has nothing more. */
async function settleAll(broker: Broker): Promise<void> {
  for (const partition of await broker.reconciliation.unsettled())
    await broker.reconciliation.settle(partition, false);
}

describe('[D7] no position has two contents', () => {
  it('wherever a loss of power cuts the journal', async () => {
    const before = await open();
    for (let n = 1; n <= 5; n++) await publish(before, message(`old ${n}`));
    const old = await contents(before);
    const [from, to] = [sizeOf(cutAt(folder, 0)), sizeOf(folder)];
    for (let at = from; at <= to; at += 23) {
      const after = await open(cutAt(folder, at), NEXT_BOOT);
      for (let n = 1; n <= 5; n++) await publish(after, message(`new ${n}`));
      for (const [position, record] of Object.entries(await contents(after)))
        expect(old[position] ?? record, `${position}, cut at ${at} of ${to}`).toBe(record);
    }
  });

  it('when the power goes again, before anything of the new epochs is on the disk', async () => {
    const before = await open();
    await publish(before, message('1'));
    await publish(before, message('2'));
    const path = cutAt(folder, sizeOf(folder) - 1);
    const first = await open(path, NEXT_BOOT);
    const began = sizeOf(path);
    await publish(first, message('lost'));
    const second = await open(cutAt(path, began), machine({ id: 'third' }));
    expect(await publish(second, message('other'))).toMatchObject([{ seq: 1 }]);
    expect((await lineageOf(first)).epoch).not.toBe((await lineageOf(second)).epoch);
  });

  it('when a clean stop was before the last start', async () => {
    const clean = await open();
    await publish(clean, message('1'));
    await clean.stop();
    const next = await open(folder, NEXT_BOOT);
    const { epoch } = await lineageOf(next);
    const size = sizeOf(folder);
    await publish(next, message('2'));
    const after = await open(cutAt(folder, size), machine({ id: 'third' }));
    expect(await lineageOf(after)).toMatchObject({ seq: 0, before: [{ epoch, lastSeq: 1 }] });
  });

  it('when an older copy is put back', async () => {
    const before = await open();
    await publish(before, message('1'));
    const copy = left();
    await publish(before, message('2'));
    const after = await open(copy, machine({ id: 'first' }, 'another file'));
    expect((await lineageOf(after)).before).toMatchObject([{ lastSeq: 1 }]);
  });
});

describe('a frame that the disk does not have, with later ones that it has', () => {
  function damage(path: string, text: string): string {
    const copy = left(path);
    const bytes = readFileSync(logOf(copy));
    bytes.fill(0, bytes.indexOf(text), bytes.indexOf(text) + text.length);
    writeFileSync(logOf(copy), bytes);
    return copy;
  }

  it('is what a loss of power may leave: all from there on is cut off', async () => {
    const before = await open();
    for (const record of ['first', 'second', 'third']) await publish(before, message(record));
    const path = damage(folder, 'second');
    await expect(open(left(path)), 'the same boot').rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    const after = await open(path, NEXT_BOOT);
    expect(Object.values(await contents(after))).toEqual(['first']);
    await publish(after, message('fourth'));
    expect(Object.values(await contents(await open(left(path), NEXT_BOOT)))).toEqual(['first', 'fourth']);
  });

  it('is other damage when it was flushed', async () => {
    const before = await open();
    await publish(before, message('first'));
    await publish(before, message('second'));
    const isNoted = async (): Promise<boolean> => {
      await publish(before, message('more'));
      return readFileSync(logOf(folder), 'utf8').includes('"type":"synced"');
    };
    await expect.poll(isNoted, { timeout: 10_000, interval: 50 }).toBe(true);
    await expect(open(damage(folder, 'second'), NEXT_BOOT)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
    });
    const always = join(base, 'always');
    const careful = await open(always, FIRST_BOOT, 'always');
    for (const record of ['first', 'second', 'third']) await publish(careful, message(record));
    await expect(open(damage(always, 'second'), NEXT_BOOT)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
    });
  });
});

describe('a channel that goes on in a new epoch', () => {
  it('names its predecessors, and what is left of them can be read', async () => {
    const before = await open();
    await publish(before, message('1'), message('2'), message('3'));
    const { epoch } = await lineageOf(before);
    const path = left();
    const after = await open(path, NEXT_BOOT);
    const lineage = await lineageOf(after);
    expect(lineage.epoch > epoch).toBe(true);
    expect(lineage).toMatchObject({ seq: 0, before: [{ epoch, lastSeq: 3, isLossy: false }] });
    expect(countAfter(lineage, { epoch, seq: 1 })).toBe(2);
    expect(countAfter(lineage, { epoch, seq: 4 })).toBeUndefined();
    const feed = after.feed('g');
    await feed.subscribe([CHANNEL]);
    await feed.unsubscribe([CHANNEL]);
    expect(await lineageOf(after), 'left before its first message').toEqual(lineage);
    await publish(after, message('4'));
    expect(Object.values(await contents(after))).toEqual(['1', '2', '3', '4']);
    const query = { epoch, from: 2, to: 3, limit: 5, descending: true };
    const back = await after.history.ended(CHANNEL, query);
    expect(back.map(({ record }) => record)).toEqual(['3', '2']);
    expect(await contents(await open(left(path), NEXT_BOOT)), 'after a kill').toEqual(await contents(after));
  });

  it('does not begin one at the same boot, after a clean stop, or with fsync always', async () => {
    const before = await open();
    await publish(before, message('1'));
    const position = await lineageOf(before);
    expect(await lineageOf(await open(left()))).toEqual(position);
    await before.stop();
    expect(await lineageOf(await open(left(), NEXT_BOOT))).toEqual(position);
    const always = join(base, 'always');
    const careful = await open(always, FIRST_BOOT, 'always');
    await publish(careful, message('1'));
    expect(await lineageOf(await open(left(always), NEXT_BOOT))).toEqual(await lineageOf(careful));
  });

  it('begins one where the start of the machine is not known, or its time is another', async () => {
    const at = 1_790_000_000_000;
    for (const [first, second, isSame] of [
      [{ atMs: at }, { atMs: at + 3000 }, true],
      [{ atMs: at }, { atMs: at + 60_000 }, false],
      [{}, {}, false],
      [{ id: 'a' }, { atMs: at }, false],
    ] as const) {
      const path = join(base, `known-${++copies}`);
      await publish(await open(path, machine(first)), message('1'));
      const after = await lineageOf(await open(left(path), machine(second)));
      expect(after.before.length, JSON.stringify([first, second])).toBe(isSame ? 0 : 1);
    }
  });

  it('remembers 16 of them', async () => {
    await publish(await open(), message('1'));
    let path = left();
    for (let n = 0; n < 20; n++) {
      await publish(await open(path, machine({ id: `boot ${n}` })), message(`${n}`));
      path = left(path);
    }
    expect((await lineageOf(await open(path, machine({ id: 'last' })))).before).toHaveLength(16);
  });

  it('keeps its consumers and its producers, who may go on after what was lost', async () => {
    const before = await open();
    await publish(before, message('1', producer(1)), message('2', producer(2)));
    const { epoch } = await lineageOf(before);
    await before.acks.open(CHANNEL, 'c', { epoch, seq: 1 }, { durable: false, gateway: 'g' });
    const path = left();
    await publish(before, message('3', producer(3)), message('4', producer(4)));
    const after = await open(path, NEXT_BOOT);
    expect(await after.acks.list(CHANNEL)).toMatchObject([{ consumer: 'c', epoch, seq: 1 }]);
    const repeat = { ...message('2', producer(2)), id: 'repeat' };
    expect(await publish(after, repeat)).toMatchObject([{ duplicate: true, epoch, seq: 2 }]);
    const later = await publish(after, message('5', producer(5)), message('7', producer(7)));
    expect(later).toMatchObject([
      { status: 'accepted', seq: 1 },
      { error: { code: 'PRODUCER_OUT_OF_ORDER' } },
    ]);
    const late = message('4', producer(4));
    expect(await publish(after, late, late)).toMatchObject([
      { seq: 2, duplicate: false },
      { seq: 2, duplicate: true },
    ]);
  });
});

describe('[D7] what the database has behind an end', () => {
  /** m1..m3, of which the journal has m1, and the database all. */
  async function lose(): Promise<{
    epoch: string;
    after: Broker;
    path: string;
    partition: UnsettledPartition;
  }> {
    const before = await open();
    await publish(before, message('1', { id: 'm1', keeping: DURABLE, ...producer(1) }));
    const { epoch } = await lineageOf(before);
    const path = left();
    const after = await open(path, NEXT_BOOT);
    const unsettled = await after.reconciliation.unsettled();
    const partition = unsettled.find((one) => one.partition === after.partitionOf(CHANNEL))!;
    return { epoch, after, path, partition };
  }

  const tail = (epoch: string) => ({
    channel: CHANNEL,
    epoch,
    messages: [
      { id: 'm2', seq: 2 },
      { id: 'm3', seq: 3 },
    ],
  });

  it('belongs to the epoch, and repeats of it are recognised', async () => {
    const { epoch, after, path, partition } = await lose();
    expect(partition.keptUpToMs).toBeGreaterThan(Date.now() - 60_000);
    expect(endOf(await lineageOf(after), epoch)).toMatchObject({ lastSeq: 1, isFinal: false });
    const early = publish(after, message('4', { keeping: DURABLE, ...producer(4) }));
    const lost: unknown[] = [];
    const feed = after.feed('g');
    await feed.start(handler({ onDataLost: (partitions) => lost.push(...partitions) }));
    const settled = feed.untilSettled(CHANNEL, 10_000);
    expect(await after.reconciliation.extend(partition, tail(epoch))).toBe(3);
    expect(await after.reconciliation.settle(partition, true)).toBe(true);
    const later = publish(after, message('5', { keeping: DURABLE, ...producer(5) }));
    expect([await settled, lost]).toEqual([true, [partition.partition]]);
    expect([await early, await later], 'in the order of their publisher').toMatchObject([
      [{ status: 'accepted', seq: 1 }],
      [{ status: 'accepted', seq: 2 }],
    ]);
    for (const broker of [after, await open(left(path), NEXT_BOOT)]) {
      expect(endOf(await lineageOf(broker), epoch)).toMatchObject({
        lastSeq: 3,
        isFinal: true,
        isLossy: true,
      });
      const again = message('3', { id: 'm3', keeping: DURABLE, ...producer(3) });
      expect(await publish(broker, again)).toMatchObject([{ duplicate: true, epoch, seq: 3 }]);
    }
  });

  it('is published again, once, when somebody has gone on', async () => {
    const { epoch, after, path, partition } = await lose();
    await after.feed('g').seal([CHANNEL]);
    expect(await after.reconciliation.extend(partition, tail(epoch))).toBe(1);
    await settleAll(after);
    expect(await after.reconciliation.unsettled()).toEqual([]);
    const former = { epoch, seq: 2 };
    const lost = [{ channel: CHANNEL, id: 'm2', record: '2', keeping: DURABLE, former }];
    expect(await after.reconciliation.republish([...lost, ...lost])).toBe(0);
    const killed = await open(left(path), NEXT_BOOT);
    expect(await killed.reconciliation.republish(lost)).toBe(0);
    expect(Object.values(await contents(killed))).toEqual(['1', '2']);
    const [, entry] = await killed.log.read('w', { count: 5, blockMs: 0 });
    expect(entry).toMatchObject({ seq: 1, record: '2', former });
  });

  it('makes a channel that the journal does not know at all', async () => {
    await open();
    const after = await open(left(), NEXT_BOOT);
    const unsettled = await after.reconciliation.unsettled();
    const partition = unsettled.find((one) => one.partition === after.partitionOf(CHANNEL))!;
    await after.reconciliation.extend(partition, tail('0zzzzzzzzzzz'));
    expect(await lineageOf(after)).toMatchObject({ seq: 0, before: [{ epoch: '0zzzzzzzzzzz', lastSeq: 3 }] });
  });
});
