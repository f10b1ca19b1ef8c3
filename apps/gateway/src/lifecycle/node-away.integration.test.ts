/** One node of a cluster is away: the channels of the others are served as ever, and the log says what is refused. */
import type { AddressInfo } from 'node:net';
import { mintToken } from '@carillon/auth';
import { createRedisBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { eventually, type RedisCluster, startRedisCluster } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GROUPS } from '../config.ts';
import { createGateway, type Gateway } from '../gateway.ts';

const SECRET = 'gateway-test-secret-0123456789-0123456789';
const PARTITIONS = 3;
const CONCERNED = 1;

let cluster: RedisCluster;
let gateway: Gateway;
let lines: { module: string; msg: string; partitions?: readonly number[] }[];
beforeEach(async () => {
  cluster = await startRedisCluster({ appendonly: true });
  lines = [];
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: cluster.url,
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_GATEWAY_PORT: '0',
    CARILLON_NAMESPACES: JSON.stringify({ cursor: { ephemeral: true } }),
  });
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: (line) => lines.push(JSON.parse(line)) },
    processMetrics: false,
  });
  const broker = createRedisBroker({
    url: cluster.url,
    partitions: PARTITIONS,
    connectTimeoutMs: 1000,
    logger: telemetry.loggerOf('broker'),
  });
  gateway = await createGateway({ telemetry, broker, ownsBroker: true, config });
  await gateway.start();
}, 60_000);
afterEach(async () => {
  await gateway?.stop();
  await cluster?.stop();
});

interface Answer {
  readonly accepted: boolean;
  readonly alone: boolean;
}

async function publish(channel: string): Promise<Answer> {
  const { port } = gateway.server.server.address() as AddressInfo;
  const token = await mintToken({
    secret: SECRET,
    userId: 'u',
    capabilities: { '*': ['publish'] },
    expiresInMs: 60_000,
  });
  const response = await fetch(`http://127.0.0.1:${port}/v1/channels/${channel}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ payload: 1 }),
  });
  const body = (await response.json()) as { readonly epoch?: string };
  return { accepted: response.ok, alone: body.epoch?.startsWith('-') === true };
}

it('names the partition that is away, and serves the others by the broker', { timeout: 60_000 }, async () => {
  // Partitions lie on the nodes in order.
  const node = cluster.nodes[CONCERNED]!;
  await node.kill();
  const tells = (text: string) => lines.filter(({ msg }) => msg.includes(text));
  await eventually(() => tells('away: clients stay').length > 0, { what: 'it is logged' });
  expect(tells('the broker is away')).toEqual([]);
  expect(tells('some partitions of the broker are away')).toMatchObject([{ partitions: [CONCERNED] }]);

  const names = Array.from({ length: 12 }, (_, i) => `room${i}`);
  const durable = await Promise.all(names.map((name) => publish(name)));
  expect(new Set(durable.map(({ accepted }) => accepted))).toEqual(new Set([true, false]));
  const ephemeral = await Promise.all(names.map((name) => publish(`cursor:${name}`)));
  expect(ephemeral.filter(({ accepted }) => !accepted)).toEqual([]);
  // Messages of the other partitions reach all gateways.
  expect(new Set(ephemeral.map(({ alone }) => alone))).toEqual(new Set([true, false]));

  await node.restart();
  await eventually(() => tells('the broker is back').length > 0, {
    what: 'it is back',
    timeoutMs: 20_000,
  });
});
