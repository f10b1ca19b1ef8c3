/** Publishes that wait for replicas. */
import { eventually, type RedisPair, startRedisPair } from '@carillon/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker, Publication, PublishOutcome } from '../ports.ts';
import { createRedisBroker } from './redis-broker.ts';

let pair: RedisPair;
let broker: Broker;

beforeEach(async () => {
  pair = await startRedisPair();
  broker = createRedisBroker({
    url: pair.url,
    partitions: 2,
    logger: pino({ level: 'silent' }),
    waitReplicas: 1,
    commandTimeoutMs: 20_000,
    waitTimeoutMs: 5000,
  });
  await broker.start();
});

afterEach(async () => {
  await broker.stop();
  await pair.stop();
});

const message = (n: number): Publication => ({
  channel: `app/c${n % 3}`,
  id: `m-${n}`,
  record: `r-${n}`,
  keeping: { history: { maxMessages: 100, ttlMs: 60_000 }, durable: false },
  dedupe: { kind: 'key', key: `k-${n}`, ttlMs: 60_000, fingerprint: n },
});

async function publish(n: number): Promise<PublishOutcome> {
  const [outcome] = await broker.publisher.publish([message(n)]);
  return outcome!;
}

it('accepts what a replica has', async () => {
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => publish(n)));
  expect(outcomes.filter(({ status }) => status === 'refused')).toEqual([]);
});

it('does not know the outcome while replicas lag, and finds it by the repeat', async () => {
  await publish(0);
  pair.lag();
  expect(await publish(1)).toMatchObject({
    status: 'refused',
    error: { code: 'OUTCOME_UNKNOWN', retryable: true },
  });
  await pair.catchUp();
  let outcome: PublishOutcome | undefined;
  await eventually(
    async () => {
      outcome = await publish(1);
      return outcome.status === 'accepted';
    },
    { what: 'the repeat is accepted', timeoutMs: 20_000 },
  );
  expect(outcome).toMatchObject({ duplicate: true, seq: 1 });
});
