/** [AK2] on a Redis that has lost what a consumer of a durable channel had acknowledged. */
import { createRedisBroker } from '@carillon/broker';
import type { ServerFrame } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { startRedis } from '@carillon/testing';
import { expect, it } from 'vitest';
import { BarePeer, startGateway } from './running-gateway.suite.ts';

const CHANNEL = 'orders:eu';

it('[AK2] a consumer that the broker lost goes on where persistence knows it, and nowhere while that can not be asked', async () => {
  const redis = await startRedis();
  const { logger } = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
  const broker = createRedisBroker({ url: redis.url, partitions: 1, logger });
  await broker.start();
  const orders = { history: { maxMessages: 5 }, recoveryWindowMs: 0, ackTimeoutMs: 60_000 };
  const gateway = await startGateway({ CARILLON_NAMESPACES: JSON.stringify({ orders }) }, broker);
  const peer = await BarePeer.join(gateway.port, 'ada');
  const subscribe = async () => {
    const frame = { type: 'subscribe', channels: [{ channel: CHANNEL, consumer: 'billing' }] };
    return (await peer.ask<Extract<ServerFrame, { type: 'subscribed' }>>(frame)).results[0]!;
  };
  for (const payload of [1, 2, 3]) await peer.ask({ type: 'publish', channel: CHANNEL, payload });
  expect(await subscribe()).toMatchObject({ error: { code: 'HISTORY_UNAVAILABLE', retryable: true } });
  const { epoch } = (await broker.history.latest(`default/${CHANNEL}`, { limit: 1 })).top!;
  const stop = new AbortController();
  const serving = broker.cold.serve(
    async (query) => (query.kind === 'cursor' ? [{ epoch, seq: 1, record: '' }] : []),
    stop.signal,
  );
  let result = await subscribe();
  while ('error' in result) result = await subscribe(); // the worker joins
  expect(result).toMatchObject({ acked: { epoch, seq: 1 } });
  await peer.until((frame) => frame.type === 'message' && frame.seq === 3);
  expect(peer.frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []))).toEqual([2, 3]);
  peer.socket.terminate();
  stop.abort();
  await serving;
  await gateway.stop();
  await broker.stop();
  await redis.stop();
});
