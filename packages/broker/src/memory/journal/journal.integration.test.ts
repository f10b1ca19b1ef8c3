/** The memory broker with a journal: over a crash, over damage, and with a disk that refuses. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContractSetup, describeBrokerContract } from '../../contract/broker-contract.suite.ts';
import { describeBrokerModel } from '../../contract/broker-model.suite.ts';
import { describeOccupancyContract } from '../../contract/occupancy-contract.suite.ts';
import { countAfter } from '../../lineage.ts';
import type {
  Broker,
  BrokerLimits,
  ChannelKey,
  FeedHandler,
  Publication,
  PublishOutcome,
} from '../../ports.ts';
import { createMemoryBroker } from '../memory-broker.ts';
import { importPositions } from './import-positions.ts';
import { encodeFrame } from './journal-frames.ts';
import type { Machine } from './machine.ts';

const CHANNEL: ChannelKey = 'app/chat:a';
const KEPT = { history: { maxMessages: 100, ttlMs: 60_000 }, durable: true };
const HOT = { ...KEPT, durable: false };
const NOT_KEPT = { history: undefined, durable: false };

/** A copy of a journal is another journal; here it stands for what a kill leaves. */
const MACHINE: Machine = { boot: () => ({ id: 'boot' }), fileOf: () => 'file' };

let base: string;
let folder: string;
const running: Broker[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'carillon-journal-'));
  folder = join(base, 'journal');
});
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.stop().catch(() => undefined);
  rmSync(base, { recursive: true, force: true });
});

async function open(
  path = folder,
  { fsync = 'everysec', ...limits }: Partial<BrokerLimits> & { fsync?: 'everysec' | 'always' } = {},
): Promise<Broker> {
  const broker = createMemoryBroker({
    partitions: 4,
    limits,
    journal: { folder: path, fsync, machine: MACHINE },
  });
  running.push(broker);
  await broker.start();
  return broker;
}

let copies = 0;

/** Files that the next process finds when this one is killed now: all that was written to the operating system. */
function killed(path = folder): string {
  const copy = join(base, `copy-${++copies}`);
  cpSync(path, copy, { recursive: true });
  return copy;
}

/** Writes of this process fail from a size of the file on, as on a full disk. */
function limitFileSize(bytes: number | 'unlimited'): void {
  // Otherwise the signal that comes with the failure ends the process.
  process.on('SIGXFSZ', ignore);
  execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:unlimited`]);
}

const ignore = (): void => undefined;

const handler = (onMessage: FeedHandler['onMessage'] = ignore): FeedHandler => ({
  onMessage,
  onStored: ignore,
  onBatchEnd: ignore,
  onInterestLost: ignore,
  onDataLost: ignore,
  onConnection: ignore,
});

let counter = 0;

function message(record: string, extra: Partial<Publication> = {}): Publication {
  return { channel: CHANNEL, id: `m-${++counter}`, record, keeping: KEPT, ...extra };
}

async function publish(
  broker: Broker,
  ...publications: readonly Publication[]
): Promise<readonly PublishOutcome[]> {
  return await broker.publisher.publish(publications);
}

const records = async (broker: Broker, channel = CHANNEL) => {
  const { top, entries } = await broker.history.range(channel, { from: 1, to: 1e9, limit: 1e6 });
  return { top: top && positionOf(top), records: entries.map(({ record }) => record) };
};

const positionOf = ({ epoch, seq }: Position): Position => ({ epoch, seq });

/** Of the epochs that have ended, too. */
async function allRecords(broker: Broker): Promise<readonly string[]> {
  const { top, entries } = await broker.history.range(CHANNEL, { from: 1, to: 1e9, limit: 1e6 });
  const ended = await Promise.all(
    (top?.before ?? []).map(({ epoch, lastSeq }) =>
      broker.history.ended(CHANNEL, { epoch, from: 1, to: lastSeq, limit: 1000 }),
    ),
  );
  return [...ended.flat(), ...entries].map(({ record }) => record);
}

const createSetup = async (limits: Partial<BrokerLimits> = {}): Promise<ContractSetup> => {
  const own = mkdtempSync(join(tmpdir(), 'carillon-journal-contract-'));
  const broker = createMemoryBroker({ partitions: 4, limits, journal: { folder: own, fsync: 'everysec' } });
  await broker.start();
  return {
    open: async () => broker,
    close: async () => {
      await broker.stop();
      rmSync(own, { recursive: true });
    },
  };
};
describeBrokerContract('memory with a journal', createSetup);
describeOccupancyContract('memory with a journal', createSetup);
describeBrokerModel('memory with a journal', createSetup, { runs: 50 });

describe('[D6] after a kill', () => {
  it('positions, epochs, history and what is not stored are there', async () => {
    const before = await open();
    await publish(before, message('1'), message('2'), message('3'));
    const taken = await before.log.read('w', { count: 2, blockMs: 0 });
    await before.log.commit(taken.slice(0, 1));
    await publish(before, message('quick', { channel: 'app/quick', keeping: NOT_KEPT }));
    const expected = [await records(before), await records(before, 'app/quick')];
    const after = await open(killed());
    expect([await records(after), await records(after, 'app/quick')]).toEqual(expected);
    const again = await after.log.read('w', { count: 10, blockMs: 0 });
    expect(again.map(({ seq, record }) => [seq, record])).toEqual([
      [2, '2'],
      [3, '3'],
    ]);
    expect(await publish(after, message('4'))).toMatchObject([
      { status: 'accepted', seq: 4, epoch: expected[0]!.top!.epoch },
    ]);
  });

  it('repeats of producers and of keys are recognised', async () => {
    const produced = message('p', {
      dedupe: { kind: 'producer', producer: 'p', seq: 1, prev: 0, fingerprint: 7 },
    });
    const keyed = message('k', { dedupe: { kind: 'key', key: 'k', ttlMs: 60_000, fingerprint: 7 } });
    const before = await open();
    const outcomes = await publish(before, produced, keyed);
    const once = killed();
    await open(once);
    const after = await open(killed(once));
    expect(await publish(after, produced, keyed)).toEqual(
      outcomes.map((outcome) => ({ ...outcome, duplicate: true })),
    );
    const outOfOrder = message('x', {
      dedupe: { kind: 'producer', producer: 'p', seq: 3, prev: 2, fingerprint: 7 },
    });
    expect(await publish(after, outOfOrder)).toMatchObject([{ error: { code: 'PRODUCER_OUT_OF_ORDER' } }]);
  });

  it('consumers are where they were', async () => {
    const before = await open();
    await before.acks.open(CHANNEL, 'c', { epoch: 'e', seq: 1 }, { durable: true, gateway: 'g' });
    await before.acks.ack(CHANNEL, 'c', { epoch: 'e', seq: 5 }, { durable: true });
    await before.acks.open(CHANNEL, 'd', { epoch: 'e', seq: 2 }, { durable: true, gateway: 'g' });
    const expected = await before.acks.list(CHANNEL);
    const after = await open(killed());
    expect(await after.acks.list(CHANNEL)).toEqual(expected);
  });

  it('[SU5] the position of a channel without messages is before its first message, kill after kill', async () => {
    const before = await open();
    const [position] = await before.feed('g').subscribe([CHANNEL]);
    const once = await open(killed());
    await once.feed('g').subscribe([CHANNEL, 'app/other']);
    const after = await open(killed(join(base, `copy-${copies}`)));
    await publish(after, message('1'), message('2'));
    const [again] = await (await open(killed(join(base, `copy-${copies}`)))).feed('g').subscribe([CHANNEL]);
    expect(again).toMatchObject({ seq: 2 });
    expect(countAfter(again!, positionOf(position!))).toBe(2);
  });

  it('names that are subscribed to and left are not in it, those that are told as occupied are', async () => {
    const broker = await open();
    const feed = broker.feed('g');
    await feed.start(handler());
    const sizeOf = () => statSync(join(folder, readdirSync(folder)[0]!)).size;
    const size = sizeOf();
    const names = Array.from({ length: 100 }, (_, i): ChannelKey => `app/name-${i}`);
    await feed.subscribe(names);
    await feed.unsubscribe(names);
    await feed.subscribe([CHANNEL]);
    expect(sizeOf()).toBe(size);
    await broker.log.tellOccupancy();
    await feed.subscribe([CHANNEL]);
    const after = await open(killed());
    await after.log.tellOccupancy();
    const told = await after.log.read('w', { count: 10, blockMs: 0 });
    expect(told.map(({ seq, record }) => [seq, /channel\.\w+/.exec(record)?.[0]])).toEqual([
      [1, 'channel.occupied'],
    ]);
  });

  it('nobody was told or shown what is not there', async () => {
    const before = await open();
    const seen: number[] = [];
    const feed = before.feed('g');
    await feed.start(
      handler((_channel, _epoch, seq) => {
        seen.push(seq, written());
      }),
    );
    await feed.subscribe([CHANNEL]);
    /** Messages in the files, now. */
    const written = (): number =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'utf8').split('"type":"message"').length - 1)
        .reduce((sum, count) => sum + count, 0);
    const told: number[] = [];
    before.publisher.send(message('1'), () => told.push(1, written()));
    expect([told, written()]).toEqual([[], 0]);
    const page = before.history.latest(CHANNEL, { limit: 1 }).then(written);
    const stored = before.log.read('w', { count: 1, blockMs: 0 }).then(written);
    await publish(before, message('2'));
    expect(told[1]).toBeGreaterThanOrEqual(told[0]!);
    expect(await page).toBeGreaterThanOrEqual(1);
    expect(await stored).toBeGreaterThanOrEqual(1);
    await before.history.latest(CHANNEL, { limit: 1 });
    for (let i = 0; i < seen.length; i += 2) expect(seen[i + 1]).toBeGreaterThanOrEqual(seen[i]!);
  });
});

describe('a damaged journal', () => {
  const lastLog = (path: string): string =>
    join(
      path,
      readdirSync(path)
        .filter((name) => name.endsWith('.log'))
        .at(-1)!,
    );

  it('that was cut anywhere in its last write has all before it', async () => {
    const before = await open();
    await publish(before, message('1'));
    const { size } = statSync(lastLog(killed()));
    await publish(before, message('2'));
    const whole = killed();
    const end = statSync(lastLog(whole)).size;
    for (let at = size; at < end; at += 7) {
      const cut = killed(whole);
      truncateSync(lastLog(cut), at);
      const after = await open(cut);
      expect(await allRecords(after)).toEqual(['1']);
      await publish(after, message('new', { keeping: HOT }));
      expect(await allRecords(await open(killed(cut)))).toEqual(['1', 'new']);
    }
  });

  it('whose last bytes are nonsense, as after a loss of power, has all before them', async () => {
    const before = await open();
    await publish(before, message('1'));
    const copy = killed();
    const fd = openSync(lastLog(copy), 'r+');
    writeSync(fd, Buffer.alloc(5000), 0, 5000, statSync(lastLog(copy)).size);
    closeSync(fd);
    expect(await allRecords(await open(copy))).toEqual(['1']);
  });

  it('is refused with its name when the damage lies before what is whole', async () => {
    const before = await open();
    await publish(before, message('a'.repeat(500)));
    await publish(before, message('2'));
    const copy = killed();
    const bytes = readFileSync(lastLog(copy));
    bytes[bytes.indexOf('aaaa')] = 0x62;
    writeFileSync(lastLog(copy), bytes);
    await expect(open(copy)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', path: lastLog(copy) });
  });

  it('is refused when a newer version wrote it, or something else', async () => {
    await open();
    for (const header of [
      { type: 'header', format: 'carillon-journal', version: 2, kind: 'log', generation: 1 },
      { type: 'note' },
    ]) {
      const copy = killed();
      writeFileSync(lastLog(copy), encodeFrame([JSON.stringify(header), '']));
      await expect(open(copy)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    }
  });

  it('without its first frame begins anew', async () => {
    await open();
    const copy = killed();
    truncateSync(lastLog(copy), 5);
    await publish(await open(copy), message('1', { keeping: HOT }));
    expect((await records(await open(killed(copy)))).records).toEqual(['1']);
  });
});

describe.runIf(process.platform === 'linux')('a disk that refuses', () => {
  it('refuses publishes as retryable, shows nothing of what is not written, and goes on', async () => {
    const broker = await open();
    let left: string;
    await publish(broker, message('1'));
    limitFileSize(statSync(join(folder, readdirSync(folder)[0]!)).size + 100);
    try {
      const [lost] = await publish(broker, message('x'.repeat(200)));
      expect(lost).toMatchObject({ status: 'refused', error: { code: 'OUTCOME_UNKNOWN' } });
      expect(await publish(broker, message('3'))).toMatchObject([
        { error: { code: 'UNAVAILABLE', retryable: true } },
      ]);
      await expect(records(broker)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await broker.status()).toMatchObject({
        ready: false,
        problems: [expect.stringMatching(/journal/)],
      });
      left = killed();
    } finally {
      limitFileSize('unlimited');
    }
    expect((await records(await open(left))).records).toEqual(['1']);
    await expect.poll(async () => (await broker.status()).ready, { timeout: 30_000 }).toBe(true);
    await publish(broker, message('3'));
    const expected = ['1', 'x'.repeat(200), '3'];
    expect((await records(broker)).records).toEqual(expected);
    expect((await records(await open(killed()))).records).toEqual(expected);
  });
});

describe('snapshots', () => {
  it('take the place of what was before them, and are written when the log is long', {
    timeout: 60_000,
  }, async () => {
    const broker = await open();
    const big = 'x'.repeat(100_000);
    const keeping = { history: { maxMessages: 3, ttlMs: 60_000 }, durable: false };
    const publishMuch = () => publish(broker, ...Array.from({ length: 20 }, () => message(big, { keeping })));
    await expect
      .poll(
        async () => {
          await publishMuch();
          return readdirSync(folder).filter((name) => name.endsWith('.snapshot')).length;
        },
        { timeout: 50_000, interval: 10 },
      )
      .toBe(1);
    expect(existsSync(join(folder, '0000000001.log'))).toBe(false);
    const { top, records: kept } = await records(broker);
    const after = await open(killed());
    expect(await records(after)).toEqual({ top, records: kept });
  });

  it('are made of what 0.1 has left of its channels', async () => {
    const dedupe = { producers: [['p', { last: 2, usedAtMs: Date.now(), results: [] }]], keys: [] } as const;
    const cursor = { consumer: 'c', epoch: 'e', seq: 3, atMs: Date.now() };
    const positions = [
      [CHANNEL, { epoch: 'e', seq: 7, usedAtMs: Date.now(), dedupe, acks: [cursor] }],
    ] as const;
    await importPositions(folder, positions, MACHINE);
    const broker = await open();
    expect((await records(broker)).top).toMatchObject({ epoch: 'e', seq: 7 });
    expect(await broker.acks.list(CHANNEL)).toEqual([cursor]);
    const again = { kind: 'producer', producer: 'p', seq: 4, prev: 3, fingerprint: 1 } as const;
    expect(await publish(broker, message('x', { dedupe: again }))).toMatchObject([
      { error: { code: 'PRODUCER_OUT_OF_ORDER' } },
    ]);
  });
});
