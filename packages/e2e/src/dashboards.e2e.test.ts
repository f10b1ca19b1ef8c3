/** O3: the panels of infra/grafana have data of a Prometheus that reads a running installation in which everything happens once. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, missingPrometheus, startPrometheus, type TestPrometheus } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ADMIN_TOKEN, type Cluster, startCluster } from './cluster.ts';
import { tokenFor } from './people.ts';

const DASHBOARDS = new URL('../../../infra/grafana/', import.meta.url);
const CHANNEL = 'chat:lobby';
const CAPABILITIES = { '*': ['subscribe', 'publish', 'history', 'request'] } as const;
/** Series that come with their first event, which this run does not have. */
const DID_NOT_HAPPEN = ['carillon_persistence_failures_total', 'carillon_loop_restarts_total'];

interface Dashboard {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const missing = missingPrometheus();
if (missing !== undefined)
  process.stdout.write(`Panels are not tried on a running installation: ${missing}\n`);

describe.skipIf(missing !== undefined)('dashboards', () => {
  let cluster: Cluster;
  let prometheus: TestPrometheus;
  const endpoint = createServer((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify({ payload: 'fine' })));
  });

  beforeAll(async () => {
    endpoint.listen(0, '127.0.0.1');
    await once(endpoint, 'listening');
    const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`;
    const secrets = ['the-secret-of-the-dashboards'];
    cluster = await startCluster({
      routers: 1,
      admin: true,
      env: {
        // The routed lane, as soon as both gateways want the channel.
        CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1',
        CARILLON_WEBHOOKS: JSON.stringify([{ name: 'hook', url, events: ['message.published'], secrets }]),
        CARILLON_RESPONDERS: JSON.stringify([{ name: 'desk', url, methods: ['desk.ask'], secrets }]),
        CARILLON_WEBHOOKS_ALLOWED_NETWORKS: '127.0.0.0/8',
      },
    });
    const { gateways, routers, persistence, admin } = cluster;
    const services = [...gateways, ...routers, ...persistence, admin!];
    prometheus = await startPrometheus(services.map(({ port }) => `127.0.0.1:${port}`));
  }, 180_000);

  afterAll(async () => {
    await prometheus?.stop();
    await cluster?.stop();
    endpoint.close();
  });

  /** A client that sends these frames and waits for as many answers. Resolves with what it was told. */
  async function talk(gateway: number, token: string, frames: readonly object[]): Promise<readonly Told[]> {
    const socket = new WebSocket(`ws://127.0.0.1:${cluster.gateways[gateway]!.port}/v1/ws`, [
      'carillon.v1.json',
    ]);
    const told: Told[] = [];
    socket.on('message', (data: Buffer) => told.push(JSON.parse(String(data)) as Told));
    await once(socket, 'open');
    for (const [i, frame] of [{ type: 'connect', token }, ...frames].entries())
      socket.send(JSON.stringify({ id: i + 1, ...frame }));
    await eventually(() => told.some(({ re }) => re === frames.length + 1) || socket.readyState !== 1, {
      what: 'the last frame is answered',
    });
    socket.close();
    return told;
  }

  async function call(port: number, path: string, bearer: string, body: object): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.ok, `${path}: ${await response.text()}`).toBe(true);
  }

  /** Every kind of event once: publishes, a recovery, refusals, a request, a schedule, a webhook, a job. */
  async function happen(): Promise<void> {
    const token = await tokenFor('ada', { capabilities: CAPABILITIES });
    const publishing = { type: 'publish', channel: CHANNEL, payload: 1 };
    const [accepted] = (await talk(0, token, [publishing])).filter(({ type }) => type === 'accepted');
    const position = { epoch: accepted!.epoch, seq: 0 };
    for (const gateway of [0, 1])
      await talk(gateway, token, [
        { type: 'subscribe', channels: [{ channel: CHANNEL, position }] },
        { type: 'nonsense' },
        { type: 'request', method: 'desk.ask', payload: 1 },
        { ...publishing, stored: true },
        { type: 'publish', channel: '#system', payload: 1 },
      ]);
    await talk(0, 'no-token', []);
    await once(
      new WebSocket(address(cluster, 0), { headers: { origin: 'https://elsewhere.example.com' } }),
      'close',
    );
    await call(cluster.gateways[0]!.port, `/v1/channels/${CHANNEL}/messages`, token, { payload: 2 });
    await call(cluster.gateways[0]!.port, `/v1/channels/${CHANNEL}/schedules`, token, {
      payload: 3,
      delayMs: 100,
    });
    await call(cluster.admin!.port, '/v1/retention/run', ADMIN_TOKEN, {});
  }

  it('every panel has data when everything has happened', async () => {
    const dashboards = readdirSync(DASHBOARDS).map(
      (file) => JSON.parse(readFileSync(new URL(file, DASHBOARDS), 'utf8')) as Dashboard,
    );
    const queries = dashboards.flatMap(({ title, panels }) =>
      panels.flatMap((panel) =>
        panel.targets.map(({ expr }) => ({
          panel: `${title} ${panel.title}`,
          text: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'),
        })),
      ),
    );
    expect(queries.length).toBeGreaterThan(70);
    const expected = queries.filter(({ text }) => !DID_NOT_HAPPEN.some((metric) => text.includes(metric)));
    await happen();
    await eventually(
      async () => {
        const answers = await Promise.all(expected.map(({ text }) => prometheus.ask(text)));
        expect(expected.filter((_, i) => answers[i]!.length === 0)).toEqual([]);
        return true;
      },
      { what: 'every panel has data', timeoutMs: 30_000 },
    );
  }, 120_000);
});

function address({ gateways }: Cluster, gateway: number): string {
  return `ws://127.0.0.1:${gateways[gateway]!.port}/v1/ws`;
}

interface Told {
  readonly type: string;
  readonly re?: number;
  readonly epoch?: string;
}
