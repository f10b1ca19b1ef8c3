/** C11, D11: webhooks of a whole installation, while its persistence is killed; dead letters by the command line. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BackendClient, verifyWebhook } from '@carillon/server';
import { eventually } from '@carillon/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, type Cluster, JWT_SECRET, startCluster } from './cluster.ts';
import { connectClient, PATIENT_MS } from './people.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../../apps/cli/src/main.ts', import.meta.url));
const SECRET = 'the-secret-of-the-webhooks';
const CHANNELS = ['hook:a', 'hook:b', 'hook:c'];
const PER_CHANNEL = 200;

interface Taken {
  readonly delivery: string;
  readonly channel: string;
  readonly seq: number;
}

describe('webhooks', () => {
  let cluster: Cluster;
  let database: pg.Client;
  let backend: BackendClient;
  const taken: Taken[] = [];
  const comings: string[] = [];
  const occupancy: string[] = [];
  /** Deliveries with the id of an earlier one are repeats, after an answer that came late. */
  const told = new Set<string>();
  let refusing = false;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const signature = request.headers['carillon-signature'];
    const { id, event, message, client, channel } = verifyWebhook({
      body: Buffer.concat(chunks),
      signature,
      secret: SECRET,
    });
    if (client !== undefined || channel !== undefined) {
      if (!told.has(id) && client !== undefined) comings.push(`${client.user} ${event}`);
      if (!told.has(id) && channel !== undefined) occupancy.push(`${event} ${channel.name}`);
      told.add(id);
      return void response.writeHead(204).end();
    }
    expect(request.headers['carillon-delivery']).toBe(id);
    if (refusing) return void response.writeHead(422).end('not like this');
    taken.push({ delivery: id, channel: message!.channel, seq: message!.seq });
    // Slow enough that a kill falls among the attempts.
    setTimeout(() => response.writeHead(204).end(), 10);
  });

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const hook = {
      name: 'hook',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      events: ['message.published'],
      namespaces: ['hook'],
      secrets: [SECRET],
      ordered: true,
      attempts: 3,
      backoffMs: 20,
      // Longer than this process stands still on a busy machine.
      timeoutMs: 8000,
    };
    const clients = { ...hook, name: 'clients', events: ['client.connected', 'client.disconnected'] };
    const rooms = {
      ...hook,
      name: 'rooms',
      events: ['channel.occupied', 'channel.vacated'],
      namespaces: ['room'],
    };
    cluster = await startCluster({
      gateways: 2,
      routers: 1,
      persistence: 2,
      admin: true,
      env: {
        CARILLON_CLIENT_EVENTS: 'true',
        CARILLON_WEBHOOKS: JSON.stringify([hook, clients, rooms]),
        CARILLON_WEBHOOKS_ALLOWED_NETWORKS: '127.0.0.0/8',
        CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '1s',
        CARILLON_PERSISTENCE_BATCH_MAX_MESSAGES: '20',
      },
    });
    database = new pg.Client({ connectionString: cluster.postgres.url });
    await database.connect();
    backend = new BackendClient({
      url: `http://127.0.0.1:${cluster.gateways[0]!.port}`,
      jwtSecret: JWT_SECRET,
    });
  }, 180_000);

  afterAll(async () => {
    await database?.end();
    await cluster?.stop();
    server.closeAllConnections();
    server.close();
  });

  const carillon = async (...args: string[]): Promise<string> => {
    const env = {
      PATH: '/usr/bin:/bin',
      CARILLON_ADMIN_URL: `http://127.0.0.1:${cluster.admin!.port}`,
      CARILLON_ADMIN_TOKEN: ADMIN_TOKEN,
    };
    return (await run(process.execPath, [CLI, ...args], { env })).stdout;
  };
  const waiting = async (): Promise<number> =>
    (
      await database.query<{ n: number }>(
        `select count(*)::int as n from webhook_deliveries where state = 'pending'`,
      )
    ).rows[0]!.n;

  it('tells of each message at least once with one id, in order, over kills', {
    timeout: 400_000,
  }, async () => {
    const publishing = Promise.all(
      CHANNELS.map(async (channel) => {
        for (let n = 0; n < PER_CHANNEL; n += 20)
          await backend.publishBatch(
            channel,
            Array.from({ length: 20 }, (_, i) => ({ payload: n + i })),
          );
      }),
    );
    for (const [i, goal] of [50, 150, 300].entries()) {
      await eventually(() => taken.length >= goal, { what: `${goal} came`, timeoutMs: 60_000 });
      const worker = cluster.persistence[i % 2]!;
      await worker.kill();
      await worker.start();
    }
    await publishing;
    await eventually(
      () => new Set(taken.map(({ delivery }) => delivery)).size >= CHANNELS.length * PER_CHANNEL,
      {
        what: 'all came',
        timeoutMs: 120_000,
      },
    );
    await eventually(async () => (await waiting()) === 0, { what: 'nothing waits', timeoutMs: 60_000 });
    for (const channel of CHANNELS) {
      const ofChannel = taken.filter((one) => one.channel === channel);
      const ids = new Map(ofChannel.map(({ seq, delivery }) => [seq, delivery]));
      expect([...ids.keys()]).toEqual(Array.from({ length: PER_CHANNEL }, (_, i) => i + 1));
      for (const { seq, delivery } of ofChannel) expect(delivery).toBe(ids.get(seq));
    }
    // At least once is the promise; hardly more is what happens.
    expect(taken.length).toBeLessThan(CHANNELS.length * PER_CHANNEL + 60);
  });

  it('tells who came and went, also when the gateway stops', { timeout: 180_000 }, async () => {
    const gateway = cluster.gateways[0]!;
    const ada = await connectClient('ada', gateway.port, undefined, PATIENT_MS);
    await eventually(() => comings.includes('ada client.connected'), { what: 'she came' });
    ada.close();
    await eventually(() => comings.includes('ada client.disconnected'), { what: 'she went' });
    const bob = await connectClient('bob', gateway.port, undefined, PATIENT_MS);
    await eventually(() => comings.includes('bob client.connected'), { what: 'he came' });
    await gateway.stop();
    bob.close();
    await eventually(() => comings.includes('bob client.disconnected'), { what: 'he went, too' });
    expect(comings).toEqual(
      ['ada', 'ada', 'bob', 'bob'].map((user, i) => `${user} client.${i % 2 === 0 ? '' : 'dis'}connected`),
    );
    await gateway.start();
  });

  it('tells which channels are occupied and vacated, also when a gateway is killed', {
    timeout: 180_000,
  }, async () => {
    const [first, second] = cluster.gateways;
    const ada = await connectClient('ada', first!.port, undefined, PATIENT_MS);
    const bob = await connectClient('bob', second!.port, undefined, PATIENT_MS);
    const heard = (what: string) => eventually(() => occupancy.includes(what), { what, timeoutMs: 60_000 });
    bob.subscribe('room:a', () => undefined);
    bob.subscribe('room:b', () => undefined);
    await heard('channel.occupied room:a');
    await heard('channel.occupied room:b');
    // It was occupied before: nobody tells that she is in it, too.
    await ada.subscribe('room:a', () => undefined).ready();
    ada.subscribe('room:c', () => undefined);
    await heard('channel.occupied room:c');
    await second!.kill();
    bob.close();
    await heard('channel.vacated room:b');
    expect(occupancy).not.toContain('channel.vacated room:a');
    ada.close();
    await heard('channel.vacated room:a');
    await heard('channel.vacated room:c');
    for (const room of ['a', 'b', 'c'])
      expect(occupancy.filter((line) => line.endsWith(room))).toEqual([
        `channel.occupied room:${room}`,
        `channel.vacated room:${room}`,
      ]);
    await second!.start();
  });

  it('keeps what an endpoint refused, until it is replayed by the command line', {
    timeout: 240_000,
  }, async () => {
    refusing = true;
    await backend.publish('hook:dead', { n: 1 });
    await backend.publish('hook:dead', { n: 2 });
    const listed = async (): Promise<readonly Record<string, unknown>[]> =>
      (await carillon('dead-letters', 'list', '--endpoint', 'hook'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    await eventually(async () => (await listed()).length === 2, { what: 'both are dead', timeoutMs: 60_000 });
    const [letter] = await listed();
    expect(letter).toMatchObject({ kind: 'webhook', attempts: 3, reason: '422 not like this' });
    const id = String(letter!.id);
    const shown = JSON.parse(await carillon('dead-letters', 'show', id)) as { content: string };
    expect(JSON.parse(shown.content)).toMatchObject({ id, message: { channel: 'hook:dead' } });
    refusing = false;
    expect(await carillon('dead-letters', 'replay', '--endpoint', 'hook')).toBe(
      '2 replayed, 0 refused again\n',
    );
    const replayed = () =>
      new Set(taken.filter((one) => one.channel === 'hook:dead').map((one) => one.delivery));
    await eventually(() => replayed().size === 2, { what: 'both came', timeoutMs: 60_000 });
    expect(replayed()).toContain(id);
    await eventually(async () => (await listed()).length === 0, { what: 'none is left', timeoutMs: 60_000 });
  });
});
