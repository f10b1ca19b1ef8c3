/** D13: request and response between real processes. Client and worker are on different gateways. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { RealtimeClient, type RealtimeError } from '@carillon/client';
import { protobuf } from '@carillon/client/protobuf';
import type { CapabilitiesClaim } from '@carillon/protocol';
import {
  createWorker,
  mintToken,
  RequestError,
  verifyRequest,
  type Worker,
  type WorkerOptions,
} from '@carillon/server';
import { eventually, type OtlpReceiver, startOtlpReceiver, startProcess } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, JWT_SECRET, type Service, startCluster } from './cluster.ts';
import { tokenFor } from './people.ts';

const WORKER_SCRIPT = fileURLToPath(new URL('./request-worker.ts', import.meta.url));
/** Four silent ones and a gateway counts as gone: one that stands still for a moment on a busy machine does not. */
const HEARTBEAT_MS = 1500;

const SECRET = 'the-secret-of-the-endpoint';
/** A back end of the old kind: takes HTTP. */
const endpoint = createServer(async (incoming, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const signature = incoming.headers['carillon-signature'];
  const { data, user } = verifyRequest({ body: Buffer.concat(chunks), signature, secret: SECRET });
  if (data === 'hang') return;
  const refused = data === 'refuse';
  const error = { message: 'Not this.', reason: 'refused', retryable: false };
  const trace = incoming.headers.traceparent;
  response.writeHead(refused ? 409 : 200).end(JSON.stringify(refused ? { error } : { data, user, trace }));
});
let receiver: OtlpReceiver;
let cluster: Cluster;
let clients: RealtimeClient[] = [];
let workers: Worker[] = [];
let methods = 0;

/** A method that no other test has. */
const newMethod = (): string => `test.${++methods}`;
const gatewayOf = (index: number): Service => cluster.gateways[index]!;

interface Who {
  readonly user?: string;
  readonly app?: string;
  readonly may?: CapabilitiesClaim;
}

const connect = async (
  gateway = 0,
  { user = 'ada', app, may = { '*': ['request'] } }: Who = {},
): Promise<RealtimeClient> => {
  const client = new RealtimeClient({
    url: `ws://127.0.0.1:${gatewayOf(gateway).port}`,
    token: await tokenFor(user, { capabilities: may, ...(app === undefined ? {} : { app }) }),
    backoff: { initialMs: 50, maxMs: 500 },
    requestTimeoutMs: 60_000,
  });
  clients.push(client);
  await client.connect();
  return client;
};
const work = async (
  answer: WorkerOptions['methods'],
  gateway = 1,
  options: Partial<WorkerOptions> = {},
): Promise<Worker> => {
  const worker = createWorker({
    url: `http://127.0.0.1:${gatewayOf(gateway).port}`,
    jwtSecret: JWT_SECRET,
    methods: answer,
    backoff: { initialMs: 50, maxMs: 200 },
    ...options,
  });
  workers.push(worker);
  await worker.start();
  return worker;
};
/** Until the expectation holds. */
const soon = (check: () => void | Promise<void>): Promise<void> =>
  eventually(
    async () => {
      await check();
      return true;
    },
    { what: 'the expectation', timeoutMs: 30_000 },
  );
const errorOf = (promise: Promise<unknown>): Promise<RealtimeError> =>
  promise.then(
    (payload) => expect.unreachable(`answered with ${JSON.stringify(payload)}`),
    (error: unknown) => error as RealtimeError,
  );

beforeAll(async () => {
  endpoint.listen(0, '127.0.0.1');
  await once(endpoint, 'listening');
  const responder = {
    name: 'endpoint',
    url: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`,
    methods: ['endpoint.ask'],
    secrets: [SECRET],
    timeoutMs: 20_000,
  };
  receiver = await startOtlpReceiver();
  cluster = await startCluster({
    gateways: 2,
    routers: 1,
    persistence: 2,
    env: {
      CARILLON_GATEWAY_HEARTBEAT_MS: String(HEARTBEAT_MS),
      CARILLON_PING_INTERVAL_MS: '500',
      CARILLON_GATEWAY_TIMEOUT_MS: String(4 * HEARTBEAT_MS),
      CARILLON_RESPONDERS: JSON.stringify([responder]),
      CARILLON_WEBHOOKS_ALLOWED_NETWORKS: '127.0.0.0/8',
      CARILLON_ANONYMOUS: '{"public.*":["request"]}',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      // Only where a test asks for less is a request to be out of time.
      CARILLON_REQUEST_TIMEOUT_MS: '60s',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    },
  });
}, 180_000);
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  for (const worker of workers) await worker.stop({ timeoutMs: 0 });
  workers = [];
});
afterAll(async () => {
  await cluster?.stop();
  await receiver?.stop();
  endpoint.closeAllConnections();
  endpoint.close();
});

describe('a request', () => {
  it('[RQ1] [WK2] is answered by a worker on the other gateway, who knows who asks', async () => {
    const method = newMethod();
    await work({
      [method]: ({ n }: { n: number }, { user, session, signal }) => ({
        n: n + 1,
        user,
        session,
        aborted: signal.aborted,
      }),
    });
    const client = await connect();
    const expected = { n: 42, user: 'ada', session: client.session, aborted: false };
    expect(await client.request(method, { n: 41 })).toEqual(expected);
  });

  it('[RQ1] of a thousand at once each gets its own answer', async () => {
    const method = newMethod();
    let running = 0;
    let most = 0;
    const full = Promise.withResolvers<void>();
    const double = async (n: number): Promise<number> => {
      most = Math.max(most, ++running);
      // The first ones wait for each other: there are enough for all places.
      if (running === 25) full.resolve();
      await full.promise;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      running--;
      return n * 2;
    };
    await work({ [method]: double }, 0, { concurrency: 10 });
    await work({ [method]: double }, 1, { concurrency: 15 });
    const asking = await Promise.all(Array.from({ length: 8 }, (_, i) => connect(i % 2)));
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        asking[i % 8]!.request<number>(method, i, { timeoutMs: 30_000 }),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, i) => i * 2));
    expect(most).toBe(25);
  });

  it('[RQ3] that nobody answers is refused at once, also after the last worker left', async () => {
    const method = newMethod();
    const client = await connect();
    const nobody = { code: 'NO_RESPONDER', retryable: true };
    expect(await errorOf(client.request(method))).toMatchObject(nobody);
    const worker = await work({ [method]: () => 1 });
    expect(await client.request(method)).toBe(1);
    await worker.stop();
    expect(await errorOf(client.request(method))).toMatchObject(nobody);
  });

  it('[RQ4] that takes too long is timed out, and the handler is told', async () => {
    const method = newMethod();
    const aborted = Promise.withResolvers<void>();
    await work({
      [method]: (_data: unknown, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve());
        return new Promise(() => undefined);
      },
    });
    const client = await connect();
    const error = await errorOf(client.request(method, null, { timeoutMs: 5000 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    await aborted.promise;
  });

  it('[RQ5] [RQ9] that is cancelled, or whose client is gone, is cancelled at the handler', async () => {
    const method = newMethod();
    const began: AbortSignal[] = [];
    const ended: unknown[] = [];
    await work(
      {
        [method]: (data: string, { signal }) => {
          began.push(signal);
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve(ended.push(data)));
          });
        },
      },
      1,
      { concurrency: 2 },
    );
    const client = await connect();
    const abort = new AbortController();
    const cancelled = errorOf(client.request(method, 'cancelled', { signal: abort.signal }));
    await soon(() => expect(began).toHaveLength(1));
    abort.abort();
    expect(await cancelled).toMatchObject({ code: 'REQUEST_CANCELLED' });
    await soon(() => expect(ended).toEqual(['cancelled']));
    const lost = errorOf(client.request(method, 'gone'));
    await soon(() => expect(began).toHaveLength(2));
    client.close();
    expect(await lost).toMatchObject({ code: expect.stringMatching(/OUTCOME_UNKNOWN|CLOSED/) });
    await soon(() => expect(ended).toEqual(['cancelled', 'gone']));
  });

  it('[RQ7] brings what the handler throws: its own error word for word, of others nothing', async () => {
    const [own, other] = [newMethod(), newMethod()];
    const told: string[] = [];
    await work(
      {
        [own]: () => {
          throw new RequestError('sold-out', 'No more of these.', { retryable: true });
        },
        [other]: () => {
          throw new Error('the password is 1234');
        },
      },
      1,
      { onError: ({ message }, method) => told.push(`${method}: ${message}`) },
    );
    const client = await connect();
    expect(await errorOf(client.request(own))).toMatchObject({
      code: 'RESPONDER_ERROR',
      reason: 'sold-out',
      message: 'No more of these.',
      retryable: true,
    });
    const hidden = await errorOf(client.request(other));
    expect(hidden).toMatchObject({ code: 'RESPONDER_ERROR', reason: 'internal', retryable: false });
    expect(hidden.message).not.toContain('1234');
    expect(told).toEqual([`${other}: the password is 1234`]);
  });

  it('[RQ2] needs the permission; anonymous clients have what their setting says', async () => {
    const method = newMethod();
    await work({ [method]: () => 1, 'public.time': () => 2 });
    const client = await connect(0, { may: { 'other.*': ['request'], '*': ['subscribe'] } });
    expect(await errorOf(client.request(method))).toMatchObject({ code: 'PERMISSION_DENIED' });
    const anonymous = new RealtimeClient({ url: `ws://127.0.0.1:${gatewayOf(0).port}` });
    clients.push(anonymous);
    await anonymous.connect();
    expect(await anonymous.request('public.time')).toBe(2);
    expect(await errorOf(anonymous.request(method))).toMatchObject({ code: 'PERMISSION_DENIED' });
    const token = await tokenFor('mallory', { capabilities: { '*': ['request'] } });
    const imposter = createWorker({
      url: `http://127.0.0.1:${gatewayOf(1).port}`,
      token,
      methods: { [method]: () => 'false' },
    });
    await expect(imposter.start()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await imposter.stop();
  });

  it('[C12] stays within its app', async () => {
    const method = newMethod();
    const seen: unknown[] = [];
    await work({ [method]: (data: unknown) => seen.push(data) }, 1, { app: 'acme' });
    const [inside, outside] = [await connect(0, { app: 'acme' }), await connect(0)];
    expect(await errorOf(outside.request(method, 'secret'))).toMatchObject({ code: 'NO_RESPONDER' });
    expect(await inside.request(method, 'ours')).toBe(1);
    expect(seen).toEqual(['ours']);
  });

  it('is bounded in size, both ways', async () => {
    const method = newMethod();
    await work({ [method]: (n: number) => 'x'.repeat(n) });
    const client = await connect();
    expect(await errorOf(client.request(method, 'x'.repeat(70_000)))).toMatchObject({
      code: 'FRAME_TOO_LARGE',
    });
    expect(await client.request<string>(method, 60_000)).toHaveLength(60_000);
    const tooLarge = await errorOf(client.request(method, 70_000));
    expect(tooLarge).toMatchObject({ code: 'RESPONDER_ERROR', reason: 'answer-too-large' });
    expect(await client.request<string>(method, 1)).toBe('x');
  });

  it('[BY1] of bytes comes as bytes, whatever the encodings', async () => {
    const method = newMethod();
    await work({ [method]: (data: Float32Array) => Float32Array.from(data, (n) => n * 2) });
    const { port } = gatewayOf(0);
    const token = await tokenFor('ada', { capabilities: { '*': ['request'] } });
    const client = new RealtimeClient({ url: `ws://127.0.0.1:${port}`, token, encoding: protobuf });
    clients.push(client);
    await client.connect();
    expect(await client.request(method, Float32Array.of(1.5, 2))).toEqual(Float32Array.of(3, 4));
    const error = await errorOf(client.request(newMethod(), 1));
    expect(error).toMatchObject({ code: 'NO_RESPONDER' });
    const abort = new AbortController();
    abort.abort();
    expect(await errorOf(client.request(method, 1, { signal: abort.signal }))).toMatchObject({
      code: 'REQUEST_CANCELLED',
    });
  });
});

describe('a worker', () => {
  it('[RQ6] that is killed leaves its caller an unknown outcome at once, and nobody else gets the request', async () => {
    const method = newMethod();
    const child = await startProcess({
      command: process.execPath,
      args: [WORKER_SCRIPT, `http://127.0.0.1:${gatewayOf(1).port}`, JWT_SECRET, method],
      env: {},
    });
    await soon(() => expect(child.output).toContain('serving'));
    const client = await connect();
    const asking = errorOf(client.request(method, 'x', { timeoutMs: 60_000 }));
    await soon(() => expect(child.output).toContain('began'));
    const seen: unknown[] = [];
    await work({ [method]: (data: unknown) => seen.push(data) }, 0);
    const killedMs = performance.now();
    await child.kill();
    const error = await asking;
    expect(error).toMatchObject({ code: 'RESPONDER_LOST', retryable: true });
    expect(error.message).toContain('may have been carried out or not');
    // Long before the request's own time says anything.
    expect(performance.now() - killedMs).toBeLessThan(30_000);
    expect(seen).toEqual([]);
    expect(await client.request(method, 'y')).toBe(1);
  }, 120_000);

  it('[RQ6] whose gateway is killed comes back elsewhere; the caller is told that the outcome is unknown', async () => {
    const method = newMethod();
    const began = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    let connections = 0;
    await work(
      {
        [method]: (data: string, { signal }) => {
          if (data === 'again') return 'done';
          began.resolve();
          signal.addEventListener('abort', () => aborted.resolve());
          return new Promise(() => undefined);
        },
      },
      1,
      { onConnected: () => connections++ },
    );
    const client = await connect();
    const asking = errorOf(client.request(method, 'x', { timeoutMs: 60_000 }));
    await began.promise;
    await gatewayOf(1).kill();
    expect(await asking).toMatchObject({ code: 'RESPONDER_LOST', retryable: true });
    await aborted.promise;
    // The worker's earlier offer is void.
    expect(await errorOf(client.request(method, 'x'))).toMatchObject({ code: 'NO_RESPONDER' });
    await gatewayOf(1).start();
    await soon(() => expect(connections).toBe(2));
    expect(await client.request(method, 'again')).toBe('done');
  }, 120_000);

  it('[WK6] whose gateway stops answers what it has before', async () => {
    const method = newMethod();
    const began = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<string>();
    let connections = 0;
    await work(
      {
        [method]: (data: string) => {
          if (data !== 'x') return 'done';
          began.resolve();
          return finish.promise;
        },
      },
      1,
      { onConnected: () => connections++ },
    );
    const client = await connect();
    const asking = client.request(method, 'x');
    await began.promise;
    const stopped = gatewayOf(1).stop();
    await soon(async () =>
      expect(await errorOf(client.request(method, 'other'))).toMatchObject({ code: 'NO_RESPONDER' }),
    );
    finish.resolve('in time');
    expect(await asking).toBe('in time');
    expect(await stopped).toBe(0);
    await gatewayOf(1).start();
    await soon(() => expect(connections).toBe(2));
    expect(await client.request(method, 'again')).toBe('done');
  }, 120_000);

  it('[RQ6] whose gateway stands still and goes on later does not begin what its caller was told is lost', async () => {
    const method = newMethod();
    const began: string[] = [];
    await work({ [method]: (data: string) => began.push(data) });
    const client = await connect();
    gatewayOf(1).pause();
    const asking = errorOf(client.request(method, 'lost', { timeoutMs: 60_000 }));
    expect(await asking).toMatchObject({ code: 'RESPONDER_LOST' });
    gatewayOf(1).resume();
    // A later request has reached the worker: an earlier one would have, too.
    await soon(async () => expect(await client.request(method, 'next')).toBeGreaterThan(0));
    expect(began).not.toContain('lost');
  }, 120_000);

  it('[D6] that answers while Redis is away is heard when it is back; what is asked meanwhile is refused', async () => {
    const method = newMethod();
    const began = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<string>();
    await work({
      [method]: (data: unknown) => {
        if (data !== 'x') return 'done';
        began.resolve();
        return finish.promise;
      },
    });
    const client = await connect();
    const asking = client.request(method, 'x', { timeoutMs: 60_000 });
    await began.promise;
    await cluster.redis.kill();
    finish.resolve('while it was away');
    await soon(async () =>
      expect(await errorOf(client.request(method, 'y'))).toMatchObject({ code: 'UNAVAILABLE' }),
    );
    // Longer than a gateway may be silent.
    await new Promise((resolve) => setTimeout(resolve, 5 * HEARTBEAT_MS));
    await cluster.redis.restart();
    expect(await asking).toBe('while it was away');
    await soon(async () => expect(await client.request(method, 'y')).toBe('done'));
  }, 120_000);

  it('[WK6] that stops answers what it has, and takes nothing more', async () => {
    const method = newMethod();
    const began = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<string>();
    const worker = await work({
      [method]: (data: unknown) => {
        if (data !== 'x') return 'done';
        began.resolve();
        return finish.promise;
      },
    });
    const client = await connect();
    const asking = client.request(method, 'x');
    await began.promise;
    const stopped = worker.stop();
    await soon(async () =>
      expect(await errorOf(client.request(method))).toMatchObject({ code: 'NO_RESPONDER' }),
    );
    finish.resolve('last');
    expect(await asking).toBe('last');
    await stopped;
  });

  it('[RF1] replaces its token on the live connection, and does not start with one that is refused', async () => {
    const method = newMethod();
    let tokens = 0;
    let connections = 0;
    const token = (): Promise<string> => {
      tokens++;
      const expiresInMs = 60_000; // less than is warned of: each is warned of at once
      const capabilities = { [method]: ['answer'] } as const;
      return mintToken({ secret: JWT_SECRET, userId: 'w', capabilities, expiresInMs });
    };
    const worker = createWorker({
      url: `http://127.0.0.1:${gatewayOf(1).port}`,
      token,
      methods: { [method]: () => 'done' },
      onConnected: () => connections++,
    });
    workers.push(worker);
    await worker.start();
    await soon(() => expect(tokens).toBeGreaterThan(3));
    const client = await connect();
    expect(await client.request(method)).toBe('done');
    expect(connections).toBe(1);
    const jwtSecret = `${JWT_SECRET}-other`;
    for (const credentials of [
      { token: await mintToken({ secret: jwtSecret, userId: 'w' }) },
      { jwtSecret },
    ]) {
      const refused = createWorker({
        url: `http://127.0.0.1:${gatewayOf(1).port}`,
        methods: { [method]: () => 'false' },
        ...credentials,
      });
      workers.push(refused);
      await expect(refused.start()).rejects.toMatchObject({ code: 'TOKEN_SIGNATURE_INVALID' });
    }
  });

  it('[WK5] that answers twice, or what it was not asked, gets a coded error and does no harm', async () => {
    const method = newMethod();
    const socket = new WebSocket(`ws://127.0.0.1:${gatewayOf(1).port}/v1/ws`);
    const frames: { type: string; id?: string; re?: unknown; code?: string }[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    await once(socket, 'open');
    const send = (frame: object): void => socket.send(JSON.stringify(frame));
    send({ type: 'connect', id: 1, token: await tokenFor('w', { capabilities: { '*': ['answer'] } }) });
    send({ type: 'serve', id: 2, methods: [method], concurrency: 5 });
    await soon(() => expect(frames).toContainEqual(expect.objectContaining({ type: 'serving', re: 2 })));
    const client = await connect();
    const answers = Promise.all([client.request(method, 'a'), client.request(method, 'b')]);
    await soon(() => expect(frames.filter(({ type }) => type === 'request')).toHaveLength(2));
    const [a, b] = frames.filter(({ type }) => type === 'request').map(({ id }) => id);
    send({ type: 'response', id: 3, re: a, payload: 'for a' });
    send({ type: 'response', id: 4, re: a, payload: 'for a, again' });
    send({ type: 'response', id: 5, re: 'gw-0-r0', payload: 'for nobody' });
    send({ type: 'response', id: 6, re: b, payload: 'for b' });
    expect(await answers).toEqual(['for a', 'for b']);
    // By another way than the answers: they may come later. What the gateway says to the last frame comes after all others.
    send({ type: 'ping', id: 7 });
    await soon(() => expect(frames).toContainEqual(expect.objectContaining({ type: 'pong', re: 7 })));
    const errors = frames.filter(({ type }) => type === 'error');
    expect(errors.map(({ re, code }) => [re, code])).toEqual([
      [4, 'REQUEST_UNKNOWN'],
      [5, 'REQUEST_UNKNOWN'],
    ]);
    socket.terminate();
  });
});

describe('an HTTP endpoint', () => {
  it('[D13] answers by way of persistence, also when one of its processes is killed', async () => {
    const client = await connect();
    const trace = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`;
    expect(await client.request('endpoint.ask', [1], { trace })).toEqual({ data: [1], user: 'ada' });
    const refused = { code: 'RESPONDER_ERROR', reason: 'refused', message: 'Not this.' };
    expect(await errorOf(client.request('endpoint.ask', 'refuse'))).toMatchObject(refused);
    const late = await errorOf(client.request('endpoint.ask', 'hang', { timeoutMs: 200 }));
    expect(late).toMatchObject({ code: 'TIMEOUT' });
    const answers: Promise<PromiseSettledResult<number>>[] = [];
    const killed = cluster.persistence[0]!.kill();
    for (let i = 0; i < 200; i++) {
      const asking = client.request<{ data: number }>('endpoint.ask', i).then(({ data }) => data);
      answers.push(Promise.allSettled([asking]).then(([outcome]) => outcome));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await killed;
    const outcomes = await Promise.all(answers);
    // Callers of requests that the dead worker had get an error before their timeout.
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(i);
      else expect(outcome.reason).toMatchObject({ code: 'RESPONDER_LOST' });
    }
    expect(await client.request('endpoint.ask', 'after')).toMatchObject({ data: 'after' });
    await cluster.persistence[0]!.start();
  }, 120_000);
});

describe('the trace of a request', () => {
  it('[V1] goes from the caller over both gateways to the worker', async () => {
    const method = newMethod();
    const given = Promise.withResolvers<string | undefined>();
    await work({ [method]: (_data: unknown, { trace }) => given.resolve(trace) });
    const client = await connect();
    const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    await client.request(method, null, { trace: `00-${traceId}-${caller}-01` });
    const ofTrace = await receiver
      .waitForSpans((spans) => spans.filter((span) => span.traceId === traceId).length >= 2)
      .then((spans) => spans.filter((span) => span.traceId === traceId));
    const asked = ofTrace.find(({ name }) => name === 'gateway.request')!;
    const handed = ofTrace.find(({ name }) => name === 'gateway.hand_out')!;
    expect(asked.parentSpanId).toBe(caller);
    expect(handed.parentSpanId).toBe(asked.spanId);
    expect(await given.promise).toBe(`00-${traceId}-${handed.spanId}-01`);
  });
});
