import { setImmediate } from 'node:timers/promises';
import { type Broker, type ChannelKey, createRedisBroker } from '@carillon/broker';
import { type Database, migrate, openPostgres } from '@carillon/db';
import { CarillonError, type Position } from '@carillon/protocol';
import type { Service } from '@carillon/service';
import { eventually, startPostgres, startRedis, type TestPostgres, type TestRedis } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPersistence } from './persistence.ts';
import { publication, publish, quietTelemetry } from './published.suite.ts';

const SETTINGS = { batchMaxMessages: 50, lingerMs: 1, relaxedLingerMs: 1, claimIdleMs: 200 };
const CHANNEL: ChannelKey = 'demo/chat:acks';
const OPENING = { durable: true, gateway: 'g1' };
const at = (seq: number, epoch = 'aaaaaaaa0001'): Position => ({ epoch, seq });

describe('what consumers of durable channels have acknowledged', () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let database: Database;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    const options = { url: postgres.url, poolMin: 0, poolMax: 5, connectTimeoutMs: 20_000 };
    const timeouts = { statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, slowQueryMs: 1000 };
    database = openPostgres({ ...options, ...timeouts }, quietTelemetry());
    await migrate(database);
  });

  afterAll(async () => {
    await database.close();
    await Promise.all([postgres.stop(), redis.stop()]);
  });

  const openBroker = (): Broker =>
    createRedisBroker({ url: redis.url, partitions: 2, logger: quietTelemetry().logger });
  /** A gateway's side and persistence of an installation. */
  const begin = async (broker: Broker): Promise<{ readonly end: () => Promise<void> }> => {
    await broker.start();
    const nothing = (): void => undefined;
    const handler = {
      onMessage: nothing,
      onStored: nothing,
      onBatchEnd: nothing,
      onInterestLost: nothing,
      onDataLost: nothing,
      onConnection: nothing,
    };
    const feed = broker.feed('g1');
    await feed.start(handler);
    const service: Service = createPersistence({
      telemetry: quietTelemetry(),
      broker,
      database,
      settings: SETTINGS,
    });
    await service.start();
    return {
      end: async () => {
        await service.stop();
        await feed.stop();
        await broker.stop();
      },
    };
  };
  /** As a client would: subscribes again while it is told to. */
  const open = async (broker: Broker, consumer: string, initial: Position): Promise<Position> => {
    for (;;) {
      try {
        return await broker.acks.open(CHANNEL, consumer, initial, OPENING);
      } catch (error) {
        if (!(error instanceof CarillonError) || !error.retryable) throw error;
        await setImmediate(); // the worker may be about to begin
      }
    }
  };
  const isCommitted = async (broker: Broker): Promise<boolean> =>
    (await broker.log.backlog()).every(({ entries }) => entries === 0);

  const acknowledge = async (broker: Broker): Promise<void> => {
    expect(await open(broker, 'quiet', at(3))).toEqual(at(3));
    expect(await open(broker, 'busy', at(0))).toEqual(at(0));
    for (const seq of [4, 10, 7]) await broker.acks.ack(CHANNEL, 'busy', at(seq), OPENING);
    await publish(broker, [publication(1)]);
    await eventually(() => isCommitted(broker), { what: 'everything is stored' });
  };

  it('is known when Redis came back empty', async () => {
    await database.query('empty', 'truncate ack_cursors, messages');
    const broker = openBroker();
    const { end } = await begin(broker);
    await acknowledge(broker);
    await redis.restartEmpty();
    expect(await open(broker, 'busy', at(99, 'zzzzzzzz0001'))).toEqual(at(10));
    expect(await open(broker, 'quiet', at(99, 'zzzzzzzz0001'))).toEqual(at(3));
    expect(await open(broker, 'new', at(99, 'zzzzzzzz0001'))).toEqual(at(99, 'zzzzzzzz0001'));
    await end();
  });

  it('does not hold up messages when it is refused', async () => {
    await database.query('empty', 'truncate ack_cursors, messages');
    await database.query(
      'refuse',
      `alter table ack_cursors add constraint refuse check (consumer <> 'busy')`,
    );
    await redis.restartEmpty();
    const broker = openBroker();
    const { end } = await begin(broker);
    await acknowledge(broker);
    const { rows } = await database.query('all', 'select consumer, seq::int as seq from ack_cursors');
    expect(rows).toEqual([{ consumer: 'quiet', seq: 3 }]);
    await database.query('take', 'alter table ack_cursors drop constraint refuse');
    await end();
  });
});
