import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Broker, type ChannelKey, createMemoryBroker } from '@carillon/broker';
import { type WebhookDefinition, webhookEndpoints } from '@carillon/config';
import { type Database, migrate, openPostgres } from '@carillon/db';
import type { Service } from '@carillon/service';
import { METRICS, metricsJson } from '@carillon/telemetry';
import { eventually, startPostgres, type TestPostgres } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPersistence } from '../persistence.ts';
import { publication, publish, quietTelemetry } from '../published.suite.ts';
import { type Received, startReceiver } from './receiver.suite.ts';

const SETTINGS = {
  ...{ batchMaxMessages: 50, lingerMs: 1, relaxedLingerMs: 1, claimIdleMs: 10_000 },
  // Refused messages go to the dead letters at once: nobody repairs the database in these tests.
  patience: { messageMs: 500, faultMs: 500 },
};
const SECRET = 'a-secret-of-the-receiver';
const LOCAL = ['127.0.0.1'];

describe('webhooks', () => {
  let postgres: TestPostgres;
  let database: Database;
  let broker: Broker;
  const services: Service[] = [];
  const receivers: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    const options = { url: postgres.url, poolMin: 0, poolMax: 20, connectTimeoutMs: 20_000 };
    const timeouts = { statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, slowQueryMs: 1000 };
    database = openPostgres({ ...options, ...timeouts }, quietTelemetry());
    await migrate(database);
  });

  afterAll(async () => {
    await database.close();
    await postgres.stop();
  });

  beforeEach(async () => {
    await database.query('empty', 'truncate messages, dead_letters, webhook_deliveries');
    broker = createMemoryBroker({ partitions: 4 });
    await broker.start();
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
    await broker.stop();
  });

  const receiver = async (answer?: Parameters<typeof startReceiver>[0]) => {
    const started = await startReceiver(answer);
    receivers.push(started);
    return started;
  };
  const start = async (
    definitions: readonly (Partial<WebhookDefinition> & { readonly url: string })[],
    allowedNetworks: readonly string[] = LOCAL,
    telemetry = quietTelemetry(),
  ): Promise<Service> => {
    const endpoints = webhookEndpoints(
      definitions.map((definition, i) => ({
        name: `e${i}`,
        events: ['message.published'],
        secrets: [SECRET],
        // An attempt that is given up because the machine is busy is made twice.
        timeoutMs: 30_000,
        backoffMs: 20,
        maxBackoffMs: 100,
        attempts: 3,
        ...definition,
      })),
    );
    const service = createPersistence({
      telemetry,
      broker,
      database,
      settings: SETTINGS,
      webhooks: { endpoints, allowedNetworks },
    });
    services.push(service);
    await service.start();
    return service;
  };
  const publishMany = (count: number) =>
    publish(
      broker,
      Array.from({ length: count }, (_, n) => publication(n)),
    );
  const deliveries = async () =>
    (
      await database.query<{ endpoint: string; state: string; reason: string; attempts: number }>(
        'look',
        'select endpoint, state, reason, attempts from webhook_deliveries order by id',
      )
    ).rows;
  /** Before that there is nothing to deliver. */
  const isStored = async () => (await broker.log.backlog()).every(({ entries }) => entries === 0);
  const empty = () =>
    eventually(async () => (await isStored()) && (await deliveries()).length === 0, {
      what: 'all is delivered',
      timeoutMs: 100_000,
    });
  const allDead = () =>
    eventually(
      async () => (await isStored()) && (await deliveries()).every(({ state }) => state === 'dead'),
      {
        what: 'all are dead',
        timeoutMs: 40_000,
      },
    );
  const placesOf = (received: readonly Received[]) => received.map(({ channel, seq }) => `${channel} ${seq}`);

  it('delivers each stored message once, signed, with its payload as it came', async () => {
    const { url, received } = await receiver();
    await start([
      { url, secrets: [SECRET, 'another-secret-of-it'] },
      { url, name: 'x', namespaces: ['news'] },
    ]);
    await publish(broker, [publication(1, '{"big": 12345678901234567890}')]);
    await publishMany(30);
    await eventually(() => received.length >= 31, { what: 'everything came' });
    await empty();
    expect(new Set(received.map(({ id }) => id)).size).toBe(31);
    expect(received).toHaveLength(31);
    const first = received.find(({ body }) => body.includes('12345678901234567890'))!;
    const t = /^t=(\d+),v1=([0-9a-f]{64}),v1=([0-9a-f]{64})$/.exec(first.signature)!;
    const hmac = (secret: string) =>
      createHmac('sha256', secret).update(`${t[1]}.${first.body}`).digest('hex');
    expect([t[2], t[3]]).toEqual([hmac(SECRET), hmac('another-secret-of-it')]);
    expect(JSON.parse(first.body)).toMatchObject({
      id: first.id,
      event: 'message.published',
      app: 'demo',
      message: { type: 'message', channel: 'chat:1', seq: 1 },
    });
  });

  it('waits as long as an endpoint asks for, and never again asks one that is gone', async () => {
    const times: number[] = [];
    const busy = await receiver(({ attempt }, response) => {
      times.push(performance.now());
      if (attempt > 1) response.writeHead(204).end();
      else response.writeHead(503, { 'retry-after': '2' }).end('busy');
    });
    const gone = await receiver((_, response) => void response.writeHead(410).end('removed'));
    await start([{ url: busy.url }, { url: gone.url }]);
    await publishMany(1);
    await eventually(() => times.length === 2, { what: 'it is tried again', timeoutMs: 60_000 });
    expect(times[1]! - times[0]!, 'the backoff is 20 to 100 ms').toBeGreaterThan(1900);
    await eventually(async () => (await deliveries()).length === 1, { what: 'only the dead one is left' });
    expect(await deliveries()).toEqual([
      { endpoint: 'e1', state: 'dead', reason: '410 removed', attempts: 1 },
    ]);
    expect(gone.received).toHaveLength(1);
  });

  it('tells of clients who wants to know of them, and of nothing else', async () => {
    const clients = await receiver();
    const messages = await receiver();
    await start([
      {
        url: clients.url,
        name: 'clients',
        events: ['client.connected', 'client.disconnected'],
        namespaces: ['x'],
      },
      { url: messages.url, name: 'messages' },
    ]);
    const payload = '{"connection":"g1-c1","gateway":"g1","connectedAt":1}';
    const channel = 'demo/#clients.g1' as ChannelKey;
    const record = (event: string) => `{"id":"${event}","timestamp":1,"event":"${event}"}\n${payload}`;
    await publish(broker, [
      publication(1),
      ...['client.connected', 'client.eaten'].map((id) => ({
        ...publication(1),
        id,
        channel,
        record: record(id),
      })),
    ]);
    await eventually(() => clients.received.length > 0 && messages.received.length > 0, {
      what: 'both are told',
    });
    await empty();
    expect(clients.received.map(({ body }) => JSON.parse(body))).toEqual([
      { id: clients.received[0]!.id, event: 'client.connected', app: 'demo', client: JSON.parse(payload) },
    ]);
    expect(messages.received.map(({ channel }) => channel)).toEqual(['chat:1']);
  });

  it('queues a delivery with the insert of its message, or neither', async () => {
    const { url, received } = await receiver();
    await database.query(
      'break',
      'alter table webhook_deliveries add constraint never check (seq < 0) not valid',
    );
    const service = await start([{ url }]);
    // One or two are given up after 30 s, more after ten minutes.
    await publishMany(2);
    await eventually(
      async () =>
        (await database.query<{ n: number }>('n', 'select count(*)::int as n from dead_letters')).rows[0]!
          .n === 2,
      { what: 'the messages are put aside with their deliveries', timeoutMs: 90_000 },
    );
    const { rows } = await database.query<{ n: number }>('n', 'select count(*)::int as n from messages');
    expect(rows[0]!.n).toBe(0);
    await database.query('mend', 'alter table webhook_deliveries drop constraint never');
    await service.stop();
    expect(received).toEqual([]);
  });

  it('keeps a hanging endpoint from holding up the others, and what it did not take', {
    timeout: 120_000,
  }, async () => {
    const telemetry = quietTelemetry();
    const isPaused = () =>
      metricsJson(telemetry.metrics)[METRICS.webhookCircuit.name]!.samples.some(
        ({ labels, value }) => labels.endpoint === 'hanging' && value === 1,
      );
    let [inside, most, beforePause] = [0, 0, 0];
    const hanging = await receiver((_, response) => {
      most = Math.max(most, ++inside);
      response.on('close', () => inside--);
      if (!isPaused()) beforePause++;
    });
    const well = await receiver();
    // Long enough that each attempt comes before it is given up.
    const endpoints = [
      { url: hanging.url, name: 'hanging', attempts: 100, timeoutMs: 3500 },
      { url: well.url, name: 'well', ordered: true },
    ];
    await start(endpoints, LOCAL, telemetry);
    await publishMany(100);
    await eventually(() => well.received.length >= 100, { what: 'the other has all' });
    await eventually(() => isPaused() && inside === 0, {
      what: 'the hanging one was tried, and gets a pause',
    });
    // Eight at once, as it is allowed, and for each of the first four failures one more.
    expect(most).toBe(8);
    expect(beforePause).toBeGreaterThanOrEqual(8);
    expect(beforePause).toBeLessThanOrEqual(12);
    await publishMany(100);
    await eventually(() => well.received.length >= 200, { what: 'the other goes on' });
    // From now on one at a time.
    [most, beforePause] = [0, 0];
    const tries = hanging.received.length + 2;
    await eventually(() => hanging.received.length >= tries, {
      what: 'it is tried again',
      timeoutMs: 40_000,
    });
    expect([most, beforePause]).toEqual([1, 0]);
    expect((await deliveries()).filter(({ endpoint }) => endpoint === 'hanging')).toHaveLength(200);
  });

  const FAULTS: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
    ['answers 500', (response) => response.writeHead(500).end('out of order'), /^500 out of order$/],
    [
      'redirects',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      /^302 redirect to http:\/\/127\.0\.0\.1:9\/, not followed$/,
    ],
    ['closes the connection', (response) => response.destroy(), /ECONNRESET/],
  ];
  const expectThreeAttempts = ({ received }: { readonly received: readonly Received[] }) => {
    expect(received.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
  };
  it.each(FAULTS)('gives up after the last attempt when an endpoint %s', async (_case, answer, reason) => {
    const failing = await receiver((_, response) => answer(response));
    await start([{ url: failing.url }]);
    await publishMany(1);
    await eventually(() => failing.received.length >= 3, { what: 'three attempts' });
    await allDead();
    expect(await deliveries()).toEqual([
      { endpoint: 'e0', state: 'dead', attempts: 3, reason: expect.stringMatching(reason) },
    ]);
    expectThreeAttempts(failing);
  });

  it('gives up after the last attempt when an endpoint hangs, before, in or after the head of its answer', async () => {
    const silent = await receiver(() => undefined);
    const inHead = await receiver((_, response) => response.socket!.write('HTTP/1.1 200 OK\r\nx: '));
    const inBody = await receiver((_, response) => response.writeHead(400).write('bad'));
    // Long enough that the request, and what it is answered, come before the attempt is given up.
    const timeoutMs = 3500;
    await start([silent, inHead, inBody].map(({ url }) => ({ url, timeoutMs })));
    await publishMany(1);
    await eventually(async () => (await deliveries()).length === 3, { what: 'they are queued' });
    await allDead();
    const dead = (await deliveries()).toSorted((a, b) => a.endpoint.localeCompare(b.endpoint));
    const [state, attempts] = ['dead', 3];
    expect(dead).toEqual([
      { endpoint: 'e0', state, attempts, reason: 'no answer within 3500 ms' },
      { endpoint: 'e1', state, attempts, reason: 'no answer within 3500 ms' },
      { endpoint: 'e2', state, attempts, reason: '400 bad' },
    ]);
    for (const hanging of [silent, inHead, inBody]) expectThreeAttempts(hanging);
  });

  it.each([200, 500])('reads next to nothing of a gigabyte that comes with %i', async (status) => {
    let sent = 0;
    let closed = false;
    const chunk = Buffer.alloc(1_000_000, 'x');
    const { url, received } = await receiver((_, response) => {
      response.writeHead(status);
      const write = (): void => {
        while (!response.destroyed && sent < 1_000_000_000) {
          sent += chunk.length;
          if (!response.write(chunk)) break;
        }
      };
      response.on('drain', write);
      response.on('close', () => {
        closed = true;
      });
      write();
    });
    // Far longer than the test waits: it is not the end of the attempt's time that cuts the connection.
    await start([{ url, attempts: 1, timeoutMs: 60_000 }]);
    await publishMany(1);
    await eventually(() => received.length === 1, { what: 'it was tried' });
    await (status === 200 ? empty() : allDead());
    await eventually(() => closed, { what: 'the connection is cut' });
    expect(sent).toBeLessThan(20_000_000);
  });

  it.each([
    ['127.0.0.1', 'http://127.0.0.1:PORT/'],
    ['127.0.0.1', 'http://2130706433:PORT/'],
    ['127.0.0.1', 'http://localhost:PORT/'],
    ['::ffff:7f00:1', 'http://[::ffff:127.0.0.1]:PORT/'],
    ['169.254.169.254', 'http://169.254.169.254/latest/meta-data'],
    ['10.0.0.1', 'http://10.0.0.1/'],
    ['fd00::1', 'http://[fd00::1]/'],
    ['::1', 'http://[::1]:PORT/'],
    ['0.0.0.0', 'http://0.0.0.0:PORT/'],
  ])('refuses to deliver to %s as %s', async (address, url) => {
    const { url: own, received } = await receiver();
    await start([{ url: url.replace('PORT', new URL(own).port), attempts: 1 }], []);
    await publishMany(1);
    await eventually(async () => (await deliveries()).some(({ state }) => state === 'dead'), {
      what: 'it is dead',
    });
    const [dead] = await deliveries();
    expect(dead!.reason).toMatch(/^WEBHOOK_ADDRESS_REFUSED/);
    if (!url.includes('localhost')) expect(dead!.reason).toContain(address);
    expect(received).toEqual([]);
  });

  it('keeps the order of each channel for who asks for it, whatever fails, with several workers', {
    timeout: 120_000,
  }, async () => {
    let n = 0;
    const { url, received } = await receiver((_, response) => {
      n++;
      if (n % 7 === 0) response.destroy();
      else setTimeout(() => response.writeHead(n % 5 === 0 ? 503 : 200).end(), n % 13);
    });
    const endpoint = { url, ordered: true, attempts: 50, backoffMs: 10, maxBackoffMs: 20 };
    for (let i = 0; i < 3; i++) await start([endpoint]);
    for (let i = 0; i < 5; i++) await publishMany(70);
    await empty();
    for (let c = 0; c < 7; c++) {
      const firsts = [...new Set(placesOf(received.filter(({ channel }) => channel === `chat:${c}`)))];
      expect(firsts).toEqual(Array.from({ length: 50 }, (_, i) => `chat:${c} ${i + 1}`));
      // Nothing later began before something was delivered: a repeat follows only itself.
      const seqs = received.filter(({ channel }) => channel === `chat:${c}`).map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    }
  });

  it('waits for a predecessor that another worker has not stored yet', async () => {
    const { url, received } = await receiver();
    await start([{ url, ordered: true }]);
    const [place] = await publish(broker, [publication(0)]);
    await eventually(() => received.length === 1, { what: 'the first came' });
    const epoch = /(\S+):1$/.exec(place!)![1]!;
    // A worker with the entries 3 and 4 writes them while the worker with entry 2 stands still.
    const insert = async (seq: number): Promise<void> => {
      const id = `m${seq}`;
      await database.query(
        'insert',
        `with m as (insert into messages (app, channel, epoch, seq, id, published_at, header, payload)
           values ('demo', 'chat:0', $1, $2, $3, now(), '{}', '1'))
         insert into webhook_deliveries (id, endpoint, event, app, channel, epoch, seq, body)
         values ($3, 'e0', 'message.published', 'demo', 'chat:0', $1, $2, $4)`,
        [epoch, seq, id, JSON.stringify({ message: { channel: 'chat:0', seq } })],
      );
    };
    await insert(4);
    await insert(3);
    // Something else is delivered meanwhile, so the table has been looked at.
    await publish(broker, [{ ...publication(1), channel: 'demo/chat:other' as ChannelKey }]);
    await eventually(() => received.length === 2, { what: 'the other channel goes on' });
    expect(placesOf(received)).not.toContain('chat:0 3');
    await insert(2);
    await empty();
    const seqs = received.filter(({ channel }) => channel === 'chat:0').map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4]);
  });

  it('lets what is under way end when it stops, and gives back what does not', async () => {
    let answering = (): void => undefined;
    const slow = await receiver((_, response) => {
      answering = () => void setTimeout(() => response.writeHead(200).end(), 100);
    });
    const hanging = await receiver(() => undefined);
    const service = await start([
      { url: slow.url, timeoutMs: 20_000 },
      { url: hanging.url, timeoutMs: 20_000, name: 'hanging' },
    ]);
    await publishMany(1);
    await eventually(() => slow.received.length === 1 && hanging.received.length === 1, {
      what: 'both are tried',
    });
    const stopped = service.stop();
    answering();
    await stopped;
    expect(await deliveries()).toMatchObject([{ endpoint: 'hanging', state: 'pending', attempts: 0 }]);
    const { rows } = await database.query<{ due: boolean }>(
      'due',
      'select attempt_at <= clock_timestamp() as due from webhook_deliveries',
    );
    expect(rows).toEqual([{ due: true }]);
  });

  it('makes dead what waited too long, whatever the circuit says', async () => {
    const { url } = await receiver(() => undefined);
    const endpoint = { url, attempts: 100, maxAgeMs: 1000, timeoutMs: 500 };
    await start([endpoint]);
    await publishMany(3);
    await eventually(async () => (await deliveries()).length === 3, { what: 'they are queued' });
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await database.query(
      'age',
      `update webhook_deliveries set queued_at = now() - interval '1 h', attempt_at = now()`,
    );
    await start([endpoint]);
    await allDead();
    expect((await deliveries())[0]!.reason).toMatch(/^it waited longer than 1000 ms/);
  });
});
