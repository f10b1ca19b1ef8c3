/** The publisher's own connection, when it and what it leads to misbehave. */
import { eventually, startRedis, startTcpProxy, type TcpProxy, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Broker, Publication, PublishOutcome } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let redis: TestRedis;
let proxy: TcpProxy;
let broker: Broker;
let counter = 0;
let log: string[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

beforeEach(async () => {
  log = [];
  proxy = await startTcpProxy({ targetPort: redis.port });
  broker = createRedisBroker({
    url: `redis://127.0.0.1:${proxy.port}`,
    prefix: `t${counter++}`,
    commandTimeoutMs: 4000,
    logger: pino({ level: 'warn' }, { write: (line: string) => log.push(line) }),
  });
  await broker.start();
});
afterEach(async () => {
  await broker.stop();
  await proxy.stop();
});

const message = (n: number): Publication => ({
  channel: 'app/c',
  id: `m-${n}`,
  record: `{"id":"m-${n}"}\n"grüß ${n}"`,
  keeping: { history: { maxMessages: 1000, ttlMs: 60_000 }, durable: false },
  dedupe: { kind: 'producer', producer: 'p', seq: n, prev: n - 1, fingerprint: n },
});

const publish = async (...numbers: readonly number[]): Promise<readonly PublishOutcome[]> =>
  await broker.publisher.publish(numbers.map(message));

const untilAccepted = (n: number): Promise<void> =>
  eventually(async () => (await publish(n))[0]!.status === 'accepted', {
    what: `message ${n} is accepted`,
  });

it('does not know what became of publishes that were not answered, and finds out by the repeat', async () => {
  await publish(1);
  proxy.halfOpen('toClient');
  expect((await publish(2, 3)).map((outcome) => 'error' in outcome && outcome.error.code)).toEqual([
    'OUTCOME_UNKNOWN',
    'OUTCOME_UNKNOWN',
  ]);
  proxy.heal();
  await untilAccepted(3);
  expect(await publish(2, 3)).toMatchObject([
    { status: 'accepted', seq: 2, duplicate: true },
    { status: 'accepted', seq: 3, duplicate: true },
  ]);
});

it('says of publishes without a connection that nothing was done', async () => {
  proxy.refuse();
  await eventually(
    async () => {
      const [outcome] = await publish(1);
      return outcome!.status === 'refused' && outcome!.error.code === 'UNAVAILABLE';
    },
    { what: 'it is refused' },
  );
  proxy.heal();
  await untilAccepted(1);
  expect(await publish(1)).toMatchObject([{ seq: 1, duplicate: true }]);
});

it('keeps the order when Redis has forgotten the script', async () => {
  const direct = new Redis(redis.url);
  await publish(1);
  await direct.script('FLUSH');
  const numbers = Array.from({ length: 600 }, (_, i) => i + 2);
  const outcomes = await publish(...numbers);
  expect(outcomes.map((outcome) => 'seq' in outcome && outcome.seq)).toEqual(numbers);
  direct.disconnect();
});

it('keeps the order of messages without a producer while scripts are forgotten again and again', async () => {
  const direct = new Redis(redis.url);
  const outcomes: Promise<PublishOutcome>[] = [];
  const flushes: Promise<unknown>[] = [];
  for (let turn = 0; turn < 3000; turn++) {
    const { channel, id, keeping } = message(turn);
    const publication = { channel, id, keeping, record: 'x'.repeat(3000) };
    outcomes.push(new Promise((resolve) => broker.publisher.send(publication, resolve)));
    if (turn % 20 === 0) flushes.push(direct.script('FLUSH'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seqs = (await Promise.all(outcomes)).map((outcome) => 'seq' in outcome && outcome.seq);
  expect(seqs).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1));
  await Promise.all(flushes);
  direct.disconnect();
});

it('tells the operator why Redis refuses', async () => {
  const direct = new Redis(redis.url);
  await direct.config('SET', 'maxmemory', '1');
  expect(await publish(1)).toMatchObject([{ status: 'refused', error: { code: 'UNAVAILABLE' } }]);
  expect(log.join('')).toContain('OOM');
  await direct.config('SET', 'maxmemory', '0');
  expect(await publish(1)).toMatchObject([{ status: 'accepted', seq: 1, duplicate: false }]);
  direct.disconnect();
});

it('keeps the text of a message whatever its characters', async () => {
  await publish(1);
  const { entries } = await broker.history.range('app/c', { from: 1, to: 1, limit: 1 });
  expect(entries[0]?.record).toBe('{"id":"m-1"}\n"grüß 1"');
});
