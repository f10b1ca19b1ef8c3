/** O4: a gateway is drained by the admin API and by the command line while messages flow; a drain is stopped half-way. */
import { fileURLToPath } from 'node:url';
import type { RealtimeClient } from '@carillon/client';
import { eventually, startProcess } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, startBalancer } from './balancer.ts';
import { ADMIN_TOKEN, type Cluster, startCluster } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { connectClient, type PublisherRun, startPublishing, startSubscriber } from './people.ts';

const CLI = fileURLToPath(new URL('../../../apps/cli/src/main.ts', import.meta.url));
const CHANNELS = ['drain:a', 'drain:b'];
const SUBSCRIBERS = Array.from({ length: 16 }, (_, i) => `subscriber-${i}`);
const CLIENTS = SUBSCRIBERS.length + 2;
const STEP = 100;

interface Gateway {
  readonly id: string;
  readonly ready: boolean;
  readonly connections: number;
  readonly newConnections: string;
  readonly drain: { readonly state: string; readonly told: number; readonly remaining: number } | null;
}

describe('draining', () => {
  let cluster: Cluster;
  let balancer: Balancer;
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  const publishers: PublisherRun[] = [];
  const awayMs: number[] = [];
  const ends: number[] = [];

  beforeAll(async () => {
    cluster = await startCluster({
      gateways: 2,
      routers: 1,
      admin: true,
      appendonly: false,
      env: { CARILLON_GATEWAY_HEARTBEAT_MS: '250ms' },
    });
    balancer = await startBalancer(cluster.gateways.map(({ port }) => port));
    for (const name of SUBSCRIBERS)
      clients.push(await startSubscriber(name, balancer.port, CHANNELS, ledger));
    for (const name of ['publisher-0', 'publisher-1']) {
      const client = await connectClient(name, balancer.port);
      clients.push(client);
      publishers.push(startPublishing(name, client, CHANNELS, ledger, 10));
    }
    for (const client of clients) watchEnds(client);
  }, 180_000);

  afterAll(async () => {
    for (const publisher of publishers) publisher.abandon();
    for (const client of clients) client.close();
    await balancer?.stop();
    await cluster?.stop();
  });

  const watchEnds = (client: RealtimeClient): void => {
    let endedMs = 0;
    client.on('disconnected', ({ code }) => {
      ends.push(code);
      endedMs = performance.now();
    });
    client.on('connected', ({ reconnected }) => {
      if (reconnected) awayMs.push(performance.now() - endedMs);
    });
  };
  const traffic = async (): Promise<void> => {
    const goal = ledger.accepted.length + STEP;
    await eventually(() => ledger.accepted.length >= goal, {
      what: `${STEP} more accepted publishes`,
      timeoutMs: 30_000,
    });
  };
  const admin = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${cluster.admin!.port}/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN_TOKEN}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect([response.status, path]).toEqual([200, path]);
    return (await response.json()) as T;
  };
  const gateways = async (): Promise<readonly Gateway[]> =>
    (await admin<{ gateways: readonly Gateway[] }>('GET', 'gateways')).gateways;
  const gatewayOf = async (id: string): Promise<Gateway> =>
    (await gateways()).find((gateway) => gateway.id === id)!;
  const carillon = async (...args: string[]): Promise<string> => {
    const run = await startProcess({
      command: process.execPath,
      args: [CLI, ...args, '--admin-url', `http://127.0.0.1:${cluster.admin!.port}`],
      env: { CARILLON_ADMIN_TOKEN: ADMIN_TOKEN },
    });
    const code = await run.exited;
    if (code !== 0) throw new Error(`carillon ${args.join(' ')} ended with ${code}: ${run.output}`);
    return run.output;
  };

  it('lists every process of every service', { timeout: 60_000 }, async () => {
    const services = async () =>
      (await admin<{ nodes: readonly { service: string; away: boolean }[] }>('GET', 'nodes')).nodes
        .map(({ service, away }) => `${service}${away ? ' away' : ''}`)
        .toSorted();
    await expect
      .poll(services, { timeout: 30_000 })
      .toEqual(['admin', 'gateway', 'gateway', 'persistence', 'router']);
    const lines = await carillon('nodes', '--json');
    expect(lines.trim().split('\n')).toHaveLength(5);
    for (const { ready } of await gateways()) expect(ready).toBe(true);
  });

  it('[O4] a drain that is stopped half-way leaves the others where they are', {
    timeout: 120_000,
  }, async () => {
    await traffic();
    const [{ id }] = (await gateways()) as [Gateway];
    await admin('POST', `gateways/${id}/drain`, { ratePerSecond: 2 });
    await eventually(async () => ((await gatewayOf(id)).drain?.told ?? 0) >= 2, {
      what: 'some have gone',
      timeoutMs: 30_000,
    });
    const stopped = await admin<Gateway>('DELETE', `gateways/${id}/drain`);
    expect(stopped).toMatchObject({ drain: null, newConnections: 'accepted' });
    await traffic();
    await eventually(
      async () => (await gateways()).reduce((sum, one) => sum + one.connections, 0) === CLIENTS,
      {
        what: 'everybody is connected',
        timeoutMs: 30_000,
      },
    );
    const endsThen = ends.length;
    await traffic();
    const still = await gatewayOf(id);
    expect([still.connections > 0, still.drain, still.newConnections, still.ready]).toEqual([
      true,
      null,
      'accepted',
      true,
    ]);
    expect(ends.length).toBe(endsThen);
  });

  it('[O4] a drain moves everybody to the other gateway, and shows how far it is', {
    timeout: 120_000,
  }, async () => {
    const [{ id }, other] = (await gateways()) as [Gateway, Gateway];
    const { connections } = await gatewayOf(id);
    const endsThen = ends.length;
    const output = await carillon('gateway', 'drain', id, '--rate', '3', '--json');
    const states = output
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Gateway).drain!);
    expect(states[0]).toMatchObject({ state: 'draining', remaining: connections });
    expect(states.at(-1)).toMatchObject({ state: 'drained', remaining: 0, told: connections });
    expect(await gatewayOf(id)).toMatchObject({ connections: 0, newConnections: 'refused', ready: false });
    await eventually(async () => (await gatewayOf(other.id)).connections === CLIENTS, {
      what: 'the other has all of them',
      timeoutMs: 30_000,
    });
    await traffic();
    // Each of them once, and nobody else.
    expect(ends.length - endsThen).toBe(connections);
    expect(new Set(ends)).toEqual(new Set([4000]));
    expect(await carillon('gateway', 'drain', id.slice(0, -2), '--stop')).toContain('"accepted"');
  });

  it('[D1 D2 D3 D6] lost nothing, doubled nothing, reordered nothing, and nobody was away for long', {
    timeout: 120_000,
  }, async () => {
    await Promise.all(publishers.map((publisher) => publisher.finish()));
    for (const subscriber of SUBSCRIBERS)
      await eventually(() => ledger.hasAll(subscriber), {
        what: `${subscriber} has all messages`,
        timeoutMs: 30_000,
      });
    expect(ledger.violations(SUBSCRIBERS)).toEqual([]);
    expect(ledger.unresolved.size).toBe(0);
    expect(awayMs.length).toBe(ends.length);
    expect(Math.max(...awayMs)).toBeLessThan(3000);
  });
});
