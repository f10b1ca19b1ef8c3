import {
  type Broker,
  type ChannelKey,
  createMemoryBroker,
  PartitionsDifferError,
  type RouterPort,
} from '@carillon/broker';
import type { Service } from '@carillon/service';
import { METRICS, metricsJson, type Telemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRouter, type RouterOptions } from './router.ts';
import { RecordingGateway } from './testing/gateway-feed.suite.ts';
import { interceptPort } from './testing/intercepted-port.suite.ts';
import { MessageLoad } from './testing/message-load.suite.ts';
import { silentTelemetry } from './testing/silent-telemetry.suite.ts';

const PARTITIONS = 4;
const CHANNELS = Array.from({ length: 8 }, (_, i): ChannelKey => `app/wide-${i}`);

let broker: Broker;
let started: Service[];
let gateway: RecordingGateway;
let load: MessageLoad;

beforeEach(async () => {
  broker = createMemoryBroker({ partitions: PARTITIONS, limits: { directLaneMaxGateways: 0 } });
  await broker.start();
  started = [];
  gateway = new RecordingGateway(broker, 'g1');
  await gateway.start();
  await gateway.subscribe(CHANNELS);
  load = new MessageLoad(broker, CHANNELS);
});

afterEach(async () => {
  await load.stop();
  await Promise.all(started.map((service) => service.stop()));
  await broker.stop();
});

async function startRouter(
  name: string,
  port: RouterPort = broker.router,
  options: Partial<RouterOptions> = {},
): Promise<{ service: Service; telemetry: Telemetry }> {
  const telemetry = silentTelemetry(name);
  const service = createRouter({
    broker: { ...broker, router: port },
    telemetry,
    directLaneMaxGateways: 0,
    // Far longer than this process may stand still: none is lost without being asked for.
    leaseTtlMs: 60_000,
    gatewayTimeoutMs: 1000,
    ...options,
  });
  started.push(service);
  await service.start();
  return { service, telemetry };
}

function metric(telemetry: Telemetry, { name }: { readonly name: string }): number {
  const samples = metricsJson(telemetry.metrics)[name]?.samples ?? [];
  return samples.reduce((sum, { value = 0 }) => sum + value, 0);
}

async function expectComplete(): Promise<void> {
  await load.stop();
  for (const channel of CHANNELS) {
    await gateway.until(channel, load.seqs.get(channel)!);
    expect(gateway.of(channel).breaks).toEqual([]);
  }
}

const held = (telemetry: Telemetry) => metric(telemetry, METRICS.leasesHeld);

it('routes wide channels, and counts', async () => {
  const { telemetry } = await startRouter('a');
  load.start();
  await load.more(400);
  await expectComplete();
  await eventually(() => metric(telemetry, METRICS.routedCopies) === load.published, {
    what: 'all are counted',
  });
  expect(metric(telemetry, METRICS.routedMessages)).toBe(load.published);
  for (const channel of CHANNELS) expect(gateway.of(channel).repeats).toBe(0);
});

it('shares with a router that joins, and takes over at once from one that stops', async () => {
  const a = await startRouter('a');
  await eventually(() => held(a.telemetry) === PARTITIONS, { what: 'a holds all partitions' });
  load.start();
  const b = await startRouter('b');
  await eventually(() => held(a.telemetry) === 2 && held(b.telemetry) === 2, {
    what: 'both hold their share',
  });
  await load.more(200);
  await a.service.stop();
  expect(await broker.router.announce('b', 60_000)).toEqual(['b']);
  await eventually(() => held(b.telemetry) === PARTITIONS, { what: 'b has taken over' });
  await load.more(200);
  await expectComplete();
  for (const channel of CHANNELS) expect(gateway.of(channel).repeats).toBe(0);
});

it('repeats a batch that could not be forwarded: nothing is skipped', async () => {
  let calls = 0;
  const port = interceptPort(broker.router, {
    forward: async (partition, byGateway) => {
      if (++calls % 5 === 0) throw new Error('the connection broke');
      await broker.router.forward(partition, byGateway);
    },
  });
  await startRouter('a', port);
  load.start();
  await load.more(2000);
  await expectComplete();
  expect(calls).toBeGreaterThan(5);
});

it('is fenced off when its lease has passed to another router in the middle of a batch', async () => {
  const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
  const { promise: paused, resolve: pause } = Promise.withResolvers<void>();
  let stopped = false;
  const port = interceptPort(broker.router, {
    forward: async (partition, byGateway) => {
      if (!stopped) {
        stopped = true;
        pause();
        await resumed;
      }
      await broker.router.forward(partition, byGateway);
    },
    // As if the whole process stood still: it says nothing either.
    announce: async (owner, ttlMs) =>
      stopped ? await resumed.then(() => [owner]) : broker.router.announce(owner, ttlMs),
  });
  const a = await startRouter('a', port, { leaseTtlMs: 500 });
  load.start();
  await paused;
  const b = await startRouter('b', broker.router, { leaseTtlMs: 500 });
  await eventually(() => held(b.telemetry) === PARTITIONS, { what: 'b has all partitions' });
  resume();
  await eventually(() => metric(a.telemetry, METRICS.fencedCommits) > 0, {
    what: 'the late commit is refused',
  });
  await load.more(200);
  await expectComplete();
});

it('names settings of the broker that endanger messages, and works all the same', async () => {
  const status = broker.status;
  const problem = 'maxmemory-policy is allkeys-lru';
  Object.assign(broker, { status: async () => ({ ...(await status()), problems: [problem] }) });
  const { service } = await startRouter('a');
  expect(await service.health.report()).toMatchObject({
    ready: true,
    degraded: true,
    checks: { 'settings of the broker': { problem } },
  });
});

it('says which partitions have no owner', async () => {
  const port = interceptPort(broker.router, {
    acquire: async (partition, owner, ttlMs) =>
      partition === 3 ? undefined : broker.router.acquire(partition, owner, ttlMs),
  });
  const { service, telemetry } = await startRouter('a', port, { leaseTtlMs: 200 });
  const problem = async () => (await service.health.report()).checks['partitions have a router']?.problem;
  await eventually(async () => (await problem()) !== undefined, { what: 'the problem is told' });
  expect(await problem()).toContain('no router holds partition 3 ');
  expect(metric(telemetry, METRICS.partitionsWithoutOwner)).toBe(1);
  expect(await service.health.report()).toMatchObject({ ready: true, degraded: true });
  load.start();
  await load.more(100);
  await load.stop();
  await eventually(() => metric(telemetry, METRICS.routeBacklog) > 0, {
    what: 'what waits there is in the metric',
  });
});

it('ends when the installation has another number of partitions', async () => {
  const start = (): Promise<void> => Promise.reject(new PartitionsDifferError('16 partitions, not 3'));
  const service = createRouter({
    broker: { ...broker, start },
    ownsBroker: true,
    telemetry: silentTelemetry('r'),
    directLaneMaxGateways: 0,
    leaseTtlMs: 500,
    gatewayTimeoutMs: 1000,
  });
  started.push(service);
  await expect(service.start()).rejects.toThrow('16 partitions, not 3');
});
