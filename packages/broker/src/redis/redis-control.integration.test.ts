import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeControlContract } from '../contract/control-contract.suite.ts';
import type { Broker, BrokerLimits } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';
import { createRedisControl } from './redis-control.ts';

const logger = pino({ level: 'silent' });
let redis: TestRedis;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});

const openBroker = async (limits: Partial<BrokerLimits> = {}): Promise<Broker> => {
  const broker = createRedisBroker({ url: redis.url, partitions: 4, limits, logger });
  await broker.start();
  return broker;
};

describeControlContract('redis', async (limits = {}) => {
  await admin.flushdb();
  const opened: Broker[] = [];
  return {
    open: async () => {
      const broker = await openBroker(limits);
      opened.push(broker);
      return broker;
    },
    close: async () => {
      for (const broker of opened) await broker.stop();
    },
  };
});

describe('the control port in Redis', () => {
  it('names a node that fell silent, and forgets it in the end; every key expires', async () => {
    await admin.flushdb();
    // It counts as there for two seconds, so that it is asked on a busy machine as well.
    const there = await openBroker({ gatewayHeartbeatMs: 500 });
    // Without partitions: what a service needs that only watches.
    const here = createRedisControl({ url: redis.url, limits: { gatewayHeartbeatMs: 500 }, logger });
    here.begin();
    const asker = here.control({ node: 'asker', service: 'admin' }, async () => ({}));
    await asker.start();
    const dead = there.control({ node: 'dead', service: 'gateway' }, async () => ({}));
    dead.onCommand('look', async () => 1);
    await dead.start();
    const answer = () => asker.ask('dead', 'look', { deadlineMs: 30_000 }).catch(String);
    await expect.poll(answer, { timeout: 30_000 }).toBe(1);
    await there.stop(); // its connection is gone: it can't say anything any more
    const away = async () => {
      const { nodes } = await asker.nodes({ limit: 10 });
      return nodes.map(({ node, away: isAway }) => [node, isAway]);
    };
    await expect.poll(away, { timeout: 30_000 }).toEqual([
      ['asker', false],
      ['dead', true],
    ]);
    const { unanswered } = await asker.survey('look', { deadlineMs: 30_000 });
    expect(unanswered).toEqual([{ node: 'dead', service: 'gateway' }]);
    for (const key of await admin.keys('*{ctl}*'))
      expect([key, await admin.pttl(key)]).not.toEqual([key, -1]);
    // As after five minutes.
    await admin.zadd('carillon:{ctl}:seen', Date.now() - 400_000, 'dead');
    expect(await away()).toEqual([['asker', false]]);
    await asker.refresh();
    expect(await admin.hkeys('carillon:{ctl}:statuses')).toEqual(['asker']);
    await asker.stop();
    await dead.stop();
    await here.stop();
  });

  it('lists 1000 nodes and no more, and is back after Redis came back empty', async () => {
    await admin.flushdb();
    const broker = await openBroker({ gatewayHeartbeatMs: 100 });
    const nowMs = Date.now();
    for (let i = 0; i < 1000; i++) await admin.zadd('carillon:{ctl}:seen', nowMs, `x${i}`);
    const node = broker.control({ node: 'one-more', service: 'gateway' }, async () => ({}));
    node.onCommand('look', async () => 1);
    await node.start();
    expect(await admin.zscore('carillon:{ctl}:seen', 'one-more')).toBeNull();
    await admin.flushdb();
    const survey = async () => (await node.survey('look', { deadlineMs: 5000 })).replies;
    await expect
      .poll(survey, { timeout: 30_000 })
      .toEqual([{ node: 'one-more', service: 'gateway', answer: 1 }]);
    await node.stop();
    await broker.stop();
  });

  it('costs nothing before it is used, and leaves nothing', async () => {
    await admin.flushdb();
    const broker = await openBroker();
    const node = broker.control({ node: 'n', service: 'gateway' }, async () => ({}));
    expect(await admin.client('LIST')).not.toContain('carillon-reader');
    await node.start();
    await node.survey('look', { deadlineMs: 5000 });
    await node.stop();
    expect(await admin.keys('*{ctl}*')).toEqual([]);
    await broker.stop();
  });
});
