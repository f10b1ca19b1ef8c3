/** A planned failover by real sentinels: whoever publishes follows while the old primary still takes itself for the primary. */
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, redisCommand, type SentinelledRedis, startSentinelledRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker, Publication, PublishOutcome } from '../ports.ts';
import { Keys } from './keys.ts';
import { createRedisBroker } from './redis-broker.ts';

let servers: SentinelledRedis;
let broker: Broker;
let lines: { level: number; msg: string }[];
beforeEach(async () => {
  servers = await startSentinelledRedis({ appendonly: true, sentinels: 3 });
  lines = [];
  broker = createRedisBroker({
    url: servers.url,
    limits: { gatewayHeartbeatMs: 300 },
    connectTimeoutMs: 1000,
    logger: pino({}, { write: (line) => lines.push(JSON.parse(line)) }),
  });
  await broker.start();
}, 60_000);
afterEach(async () => {
  await broker.stop();
  await servers.stop();
});

let count = 0;
const publish = async (): Promise<PublishOutcome> => {
  const id = `m-${++count}`;
  const publication: Publication = {
    channel: 'app/c',
    id,
    record: id,
    keeping: { history: { maxMessages: 10_000, ttlMs: 60_000 }, durable: true },
  };
  return (await broker.publisher.publish([publication]))[0]!;
};

const roleOf = async (server: { readonly port: number }): Promise<string> =>
  /role:(\w+)/.exec(String(await redisCommand(server, 'INFO', 'replication')))![1]!;

/** All that a server has of the log, as text. */
async function logOf({ url }: { readonly url: string }): Promise<string> {
  const redis = new Redis(url);
  try {
    return JSON.stringify(await redis.xrange(new Keys('carillon').log(0), '-', '+'));
  } finally {
    redis.disconnect();
  }
}

it('nothing is accepted by the old primary once the sentinels name another one', {
  timeout: 60_000,
}, async () => {
  const accepted: string[] = [];
  let isOver = false;
  const publishing = (async () => {
    while (!isOver) {
      const outcome = await publish();
      if (outcome.status === 'accepted') accepted.push(outcome.id);
      else expect(outcome.error).toMatchObject({ retryable: true });
      await pause(2);
    }
  })();
  await eventually(() => accepted.length > 20, { what: 'some are accepted' });
  await servers.failOver();
  await eventually(() => lines.some(({ msg }) => msg.startsWith('the sentinels name another primary')), {
    what: 'it is heard',
  });
  const before = accepted.length;
  await eventually(() => accepted.length > before + 20, { what: 'more are accepted', timeoutMs: 20_000 });
  isOver = true;
  await publishing;
  const old = await logOf(servers.primary);
  // It is demoted ten seconds after the failover, and would have been written to until then.
  expect(await roleOf(servers.primary)).toBe('master');
  // The first one may have been on its way.
  expect(accepted.slice(before + 1).filter((id) => old.includes(`\\n${id}"`))).toEqual([]);
  await eventually(
    async () => {
      const next = await logOf(servers.replica);
      return accepted.every((id) => next.includes(`\\n${id}"`));
    },
    { what: 'the new primary has all that was accepted' },
  );
});

it('publishes are refused from the choice of a replica on, and go on when nothing comes of it', {
  timeout: 60_000,
}, async () => {
  expect(await publish()).toMatchObject({ status: 'accepted' });
  // It is chosen, and never becomes the primary.
  servers.replica.pause();
  try {
    await redisCommand(servers.sentinels[0]!, 'SENTINEL', 'FAILOVER', 'carillon');
    let refusal: PublishOutcome | undefined;
    await eventually(
      async () => {
        refusal = await publish();
        return refusal.status === 'refused';
      },
      { what: 'a publish is refused', timeoutMs: 20_000 },
    );
    expect(refusal).toMatchObject({ error: { code: 'UNAVAILABLE', retryable: true } });
    expect(await roleOf(servers.primary)).toBe('master');
    await eventually(async () => (await publish()).status === 'accepted', {
      what: 'publishes go on',
      timeoutMs: 20_000,
    });
    expect(await roleOf(servers.primary)).toBe('master');
  } finally {
    servers.replica.resume();
  }
});

it('asks for min-replicas-to-write, and names sentinels that are away, which makes nothing unready', {
  timeout: 60_000,
}, async () => {
  const asks = expect.stringMatching(/^min-replicas-to-write is 0: .*min-replicas-max-lag below/);
  expect(await broker.status()).toEqual({ kind: 'redis', ready: true, problems: [asks] });
  await redisCommand(servers.primary, 'CONFIG', 'SET', 'min-replicas-to-write', 1);
  expect(await broker.status()).toEqual({ kind: 'redis', ready: true, problems: [] });
  await redisCommand(servers.primary, 'CONFIG', 'SET', 'min-replicas-to-write', 2);
  await servers.replica.kill();
  await eventually(async () => !(await broker.status()).ready, {
    what: 'no replica is left',
    timeoutMs: 20_000,
  });
  expect((await broker.status()).problems).toEqual([expect.stringContaining('(NOREPLICAS)')]);
  await redisCommand(servers.primary, 'CONFIG', 'SET', 'min-replicas-to-write', 0);
  await Promise.all(servers.sentinels.map((sentinel) => sentinel.kill()));
  const away = expect.stringMatching(/^no sentinel answers/);
  await eventually(async () => (await broker.status()).problems.length === 2, {
    what: 'the sentinels are missed',
    timeoutMs: 20_000,
  });
  expect(await broker.status()).toEqual({ kind: 'redis', ready: true, problems: [asks, away] });
  expect(lines.filter(({ msg }) => msg.startsWith('too few sentinels answer'))).toHaveLength(1);
});
