import { ALL_CAPABILITIES, anonymousIdentity } from '@carillon/auth';
import type { Broker, PublishOutcome } from '@carillon/broker';
import { createNamespaceResolver, loadConfig } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import { PublishMessage } from './publish-message.ts';

const PAYLOAD = JSON.stringify('x'.repeat(60_000));
const ACCEPTED: PublishOutcome = { status: 'accepted', epoch: 'e', seq: 1, id: 'm', duplicate: false };

it('keeps a bounded amount of messages while the log stands still, and takes more when it answers', async () => {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: 'publish-message-test-0123456789-0123456789',
  });
  const waiting: (() => void)[] = [];
  const publisher: Pick<Broker['publisher'], 'send'> = {
    send: (_message, settle) => waiting.push(() => settle(ACCEPTED)),
  };
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'error', modules: {} },
    format: 'json',
    stream: { write: () => undefined },
    processMetrics: false,
  });
  const publishing = new PublishMessage(
    { publisher, nowMs: () => 0 },
    'gw',
    createNamespaceResolver(config.namespaces),
    telemetry,
    () => undefined,
  );
  const ada = anonymousIdentity({ capabilities: ALL_CAPABILITIES })!;
  const publish = () =>
    publishing.publish(ada, 'ws', { channel: 'a', payloadJson: PAYLOAD, wantsStored: false });
  const outcomes = Array.from({ length: 1000 }, publish);
  expect(waiting.length * PAYLOAD.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(waiting.length).toBeGreaterThan(200);
  expect(await outcomes.at(-1)).toMatchObject({
    status: 'refused',
    error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 1000 },
  });
  for (const answer of waiting.splice(0)) answer();
  await Promise.all(outcomes);
  void publish();
  expect(waiting).toHaveLength(1);
});

it('[PO4] gives a message that is sent again the same id, whichever gateway takes it, and every other one another', () => {
  const ids: string[] = [];
  const publisher: Pick<Broker['publisher'], 'send'> = { send: ({ id }) => ids.push(id) };
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: 'publish-message-test-0123456789-0123456789',
  });
  const telemetryOf = (instanceId: string) =>
    createTelemetry({
      service: 'gateway',
      instanceId,
      version: '0',
      levels: { level: 'error', modules: {} },
      format: 'json',
      processMetrics: false,
    });
  const namespaces = createNamespaceResolver(config.namespaces);
  const gateways = ['one', 'other'].map(
    (name) =>
      new PublishMessage({ publisher, nowMs: () => 0 }, name, namespaces, telemetryOf(name), () => undefined),
  );
  const ada = anonymousIdentity({ capabilities: ALL_CAPABILITIES })!;
  for (const gateway of gateways) {
    for (const channel of ['a', 'b'])
      for (const seq of [1, 2])
        gateway.send(
          ada,
          'ws',
          { channel, payloadJson: '1', wantsStored: false, producer: { id: 'producer', seq, prev: seq - 1 } },
          () => undefined,
        );
    for (const idempotencyKey of ['x', 'y'])
      gateway.send(
        ada,
        'http',
        { channel: 'a', payloadJson: '1', wantsStored: false, idempotencyKey },
        () => undefined,
      );
  }
  expect(ids.slice(6)).toEqual(ids.slice(0, 6));
  expect(new Set(ids).size).toBe(6);
});
