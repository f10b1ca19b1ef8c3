/** `/v1/nodes` and `/v1/gateways` over the control port, with nodes that the test plays. */
import { type Broker, type ControlNode, createMemoryBroker } from '@carillon/broker';
import { type Database, migrate, openPglite } from '@carillon/db';
import { createTelemetry } from '@carillon/telemetry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AdminService, createAdmin } from './admin.ts';

const TOKEN = 'a-token-for-the-tests-of-admin';
const telemetryOf = (instanceId: string) =>
  createTelemetry({
    service: 'admin',
    instanceId,
    version: '7.8.9',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });

let database: Database;
let broker: Broker;
let admin: AdminService;
let lonely: AdminService;
const nodes: ControlNode[] = [];
const commands: (readonly [string, unknown])[] = [];

beforeAll(async () => {
  database = (await openPglite({ dataDir: undefined }, telemetryOf('database'))).database;
  await migrate(database);
  broker = createMemoryBroker();
  await broker.start();
  const options = {
    database,
    listener: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    console: { gatewayUrl: 'ws://127.0.0.1:8080/v1/ws' },
  };
  const fingerprints = { secrets: { CARILLON_ADMIN_TOKEN: 'abcdef01' }, settings: '01234567' };
  admin = await createAdmin({ ...options, telemetry: telemetryOf('admin-1'), broker, fingerprints });
  lonely = await createAdmin({ ...options, telemetry: telemetryOf('admin-2') });
  await admin.start();
  for (const [node, service] of [
    ['g1', 'gateway'],
    ['g2', 'gateway'],
    ['g3', 'gateway'],
    ['r1', 'router'],
  ] as const) {
    const status = { version: '1', connections: 3, drain: null, ready: true, secretOfMine: 'kept in nodes' };
    const control = broker.control({ node, service }, async () => status);
    for (const command of ['drain.begin', 'drain.stop', 'new-connections'])
      control.onCommand(command, async (input) => {
        commands.push([`${node} ${command}`, input]);
        return { connections: 3, drain: null };
      });
    nodes.push(control);
    await control.start();
  }
});

afterAll(async () => {
  for (const node of nodes) await node.stop();
  await admin.stop();
  await broker.stop();
  await database.close();
});

const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, of = admin) => {
  const response = await of.server.inject({
    method,
    url,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(payload !== undefined && { payload }),
  });
  return { status: response.statusCode, body: response.json() as Record<string, never> };
};

it('lists every node with what it says of itself, admin among them, in pages', async () => {
  const { body } = await ask('GET', '/v1/nodes?limit=200');
  const listed = body.nodes as unknown as Record<string, unknown>[];
  expect(listed.map(({ service }) => service).toSorted()).toEqual([
    'admin',
    'gateway',
    'gateway',
    'gateway',
    'router',
  ]);
  expect(listed.find(({ service }) => service === 'admin')).toMatchObject({
    id: expect.stringMatching(/^admin-1-[0-9a-f]{6}$/),
    name: 'admin-1',
    version: '7.8.9',
    away: false,
    fingerprints: { secrets: { CARILLON_ADMIN_TOKEN: 'abcdef01' }, settings: '01234567' },
  });
  const first = await ask('GET', '/v1/nodes?service=gateway&limit=2');
  expect(first.body).toMatchObject({ nodes: [{ id: 'g1' }, { id: 'g2' }], next: 'g2' });
  const second = await ask('GET', '/v1/nodes?service=gateway&limit=2&after=g2');
  expect(second.body).toMatchObject({ nodes: [{ id: 'g3' }] });
  expect(second.body).not.toHaveProperty('next');
});

it('lists gateways with what concerns them', async () => {
  const { body } = await ask('GET', '/v1/gateways');
  const [first] = body.gateways as unknown as object[];
  expect(body.gateways).toHaveLength(3);
  expect(first).toEqual({
    id: 'g1',
    away: false,
    lastSeenAt: expect.any(Number),
    version: '1',
    ready: true,
    connections: 3,
    drain: null,
  });
});

it('gives a gateway its commands', async () => {
  commands.length = 0;
  const told = { id: 'g2', connections: 3, drain: null };
  const path = '/v1/gateways/g2';
  expect(await ask('POST', `${path}/drain`, { ratePerSecond: 20 })).toEqual({ status: 200, body: told });
  expect(await ask('DELETE', `${path}/drain`)).toEqual({ status: 200, body: told });
  expect(await ask('POST', `${path}/new-connections`, { allowed: false })).toMatchObject({ status: 200 });
  expect(commands).toEqual([
    ['g2 drain.begin', { ratePerSecond: 20 }],
    ['g2 drain.stop', {}],
    ['g2 new-connections', { allowed: false }],
  ]);
});

it.each([
  ['GET', '/v1/nodes?service=console', undefined, 400, 'QUERY_INVALID'],
  ['GET', '/v1/nodes?limit=201', undefined, 400, 'QUERY_INVALID'],
  ['GET', '/v1/nodes?servce=gateway', undefined, 400, 'QUERY_INVALID'],
  ['GET', '/v1/gateways?service=gateway', undefined, 400, 'QUERY_INVALID'],
  ['POST', '/v1/gateways/g1/drain', {}, 400, 'BODY_INVALID'],
  ['POST', '/v1/gateways/g1/drain', { ratePerSecond: 0 }, 400, 'BODY_INVALID'],
  ['POST', '/v1/gateways/g1/drain', { ratePerSecond: 5, rate: 5 }, 400, 'BODY_INVALID'],
  ['DELETE', '/v1/gateways/g1/drain', { now: true }, 400, 'BODY_INVALID'],
  ['POST', '/v1/gateways/g1/new-connections', { allowed: 'no' }, 400, 'BODY_INVALID'],
  ['POST', '/v1/gateways/nobody/drain', { ratePerSecond: 5 }, 404, 'NOT_FOUND'],
  ['POST', '/v1/gateways/r1/drain', { ratePerSecond: 5 }, 404, 'NOT_FOUND'],
  ['POST', '/v1/gateways/a%20b/drain', { ratePerSecond: 5 }, 404, 'NOT_FOUND'],
] as const)('%s %s with %j: %i', async (method, url, payload, status, code) => {
  const { status: got, body } = await ask(method, url, payload);
  expect([got, body]).toMatchObject([status, { error: { code } }]);
});

it('says that a gateway did not answer, and that there is no broker', async () => {
  const silent = broker.control({ node: 'silent', service: 'gateway' }, async () => ({}));
  silent.onCommand('drain.begin', () => new Promise(() => undefined));
  nodes.push(silent);
  await silent.start();
  const { status, body } = await ask('POST', '/v1/gateways/silent/drain', { ratePerSecond: 5 });
  expect([status, body]).toMatchObject([504, { error: { code: 'NODE_UNANSWERED', retryable: true } }]);
  const without = await ask('GET', '/v1/nodes', undefined, lonely);
  expect([without.status, without.body]).toMatchObject([503, { error: { code: 'UNAVAILABLE' } }]);
});
