import type { StoredQuestion } from '@carillon/broker';
import { createTelemetry } from '@carillon/telemetry';
import { expect, it } from 'vitest';
import { askAgain, StoredWaiters } from './stored-waiters.ts';

const telemetry = () =>
  createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: () => undefined },
    processMetrics: false,
  });

const question = (channel: StoredQuestion['channel'], seq: number): StoredQuestion => ({
  channel,
  epoch: 'e',
  seq,
  id: `m-${seq}`,
});

it('asks again after a loss until it succeeds, only for the partitions that lost something', async () => {
  const own = telemetry();
  const waiters = new StoredWaiters(own);
  waiters.wait(question('app/a', 1), () => undefined);
  waiters.wait(question('app/b', 2), () => undefined);
  const asked: (readonly StoredQuestion[])[] = [];
  const feed = {
    askStored: async (questions: readonly StoredQuestion[]) => {
      asked.push(questions);
      if (asked.length < 3) throw new Error('Redis is away');
    },
  };
  const broker = { partitionOf: (channel: string) => (channel === 'app/a' ? 0 : 1) };
  await askAgain(waiters, { broker, feed, telemetry: own, signal: new AbortController().signal }, [0]);
  expect(asked).toEqual(Array.from({ length: 3 }, () => [question('app/a', 1)]));
});

it('stops asking when nobody waits any longer', async () => {
  const own = telemetry();
  const waiters = new StoredWaiters(own);
  waiters.wait(question('app/a', 1), () => undefined);
  let asked = 0;
  const feed = {
    askStored: async () => {
      asked++;
      waiters.stored('app/a', 'e', 1);
      throw new Error('Redis is away');
    },
  };
  const broker = { partitionOf: () => 0 };
  await askAgain(waiters, { broker, feed, telemetry: own, signal: new AbortController().signal }, [0]);
  expect(asked).toBe(1);
});
