import { startRedis, type TestRedis } from '@carillon/testing';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRequestsContract } from '../contract/requests-contract.suite.ts';
import type { Broker, BrokerLimits } from '../ports.ts';
import type { MethodKey } from '../requests.ts';
import { createRedisBroker } from './redis-broker.ts';

const METHOD: MethodKey = 'app/quotes.price';
const NEVER = new AbortController().signal;
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

describeRequestsContract('redis', async (limits = {}) => {
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

describe('requests in Redis', () => {
  it('[RQ6] a node that falls silent is noticed: its requests are lost, and it is asked nothing more', async () => {
    await admin.flushdb();
    // The one looks often; the other counts as alive for six seconds, so that it is asked on a busy machine as well.
    const [here, there] = [
      await openBroker({ gatewayHeartbeatMs: 50 }),
      await openBroker({ gatewayHeartbeatMs: 1500 }),
    ];
    const asker = here.requests('asker', () => new Promise(() => undefined));
    const began = Promise.withResolvers<void>();
    const dead = there.requests('dead', () => {
      began.resolve();
      return new Promise(() => undefined);
    });
    await dead.offer(new Map([[METHOD, 1]]));
    const asked = asker.ask({ method: METHOD, body: 'x', timeoutMs: 60_000 }, NEVER);
    const lost = expect(asked).rejects.toMatchObject({ code: 'RESPONDER_LOST', retryable: true });
    await began.promise;
    await there.stop(); // its connection is gone: it can't say anything any more
    await lost;
    const again = asker.ask({ method: METHOD, body: 'x', timeoutMs: 60_000 }, NEVER);
    await expect(again).rejects.toMatchObject({ code: 'NO_RESPONDER' });
    await asker.stop();
    await dead.stop();
    await here.stop();
  });

  it('does nothing before it is used, and leaves nothing of what was read', async () => {
    await admin.flushdb();
    const broker = await openBroker();
    const idle = broker.requests('idle', async () => '');
    const connections = async () => (await admin.client('LIST')) as string;
    expect(await connections()).not.toContain('carillon-reader');
    await idle.offer(new Map([[METHOD, 1]]));
    expect(await idle.ask({ method: METHOD, body: 'x'.repeat(1000), timeoutMs: 30_000 }, NEVER)).toBe('');
    expect(await connections()).toContain('carillon-reader');
    await idle.stop();
    expect(await admin.keys('*{rq}*')).toEqual([]);
    await broker.stop();
  });

  it('goes on after Redis came back empty: offers are written down again, and ids that begin again are read', async () => {
    await admin.flushdb();
    const broker = await openBroker({ gatewayHeartbeatMs: 1500 });
    const asker = broker.requests('asker', async () => '');
    const responder = broker.requests('responder', async ({ body }) => body);
    await responder.offer(new Map([[METHOD, 1]]));
    const ask = (body: string) => asker.ask({ method: METHOD, body, timeoutMs: 30_000 }, NEVER);
    expect(await ask('before')).toBe('before');
    // As after a failover to a server whose clock is far behind: its ids are smaller than those that were read.
    await admin.flushdb();
    for (const node of ['asker', 'responder']) {
      await admin.xadd(`carillon:{rq}:i:${node}`, '1-1', 'x', 'x');
    }
    const returned = async (): Promise<string> => {
      try {
        return await ask('after');
      } catch (error) {
        expect(error).toMatchObject({ code: 'NO_RESPONDER' });
        await new Promise((resolve) => setTimeout(resolve, 10));
        return await returned();
      }
    };
    expect(await returned()).toBe('after');
    await responder.stop();
    await asker.stop();
    await broker.stop();
  });
});
