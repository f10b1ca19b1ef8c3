/** Gateways behind nginx and HAProxy, with the files of infra/proxies: what clients get, and what one gateway's restart costs them. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { RealtimeClient, type SocketConstructor } from '@carillon/client';
import { eventually } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, type Service, startCluster } from './cluster.ts';
import { tokenFor } from './people.ts';
import { type ProxyName, type RunningProxy, startProxy, whyNoProxy } from './proxies.ts';

/** Clients have another address than the proxy. Linux has all of 127.0.0.0/8. */
const CLIENT_ADDRESS = process.platform === 'linux' ? '127.0.0.2' : undefined;
const LARGE = Buffer.alloc(3 * 1024 * 1024, 120);
/** Before nginx' `fail_timeout` of 10 s is over, for which a server that failed is left out by default. */
const SOON_MS = 6000;

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

/** The clients of one proxy. */
class Side {
  readonly proxy: RunningProxy;
  readonly token: string;
  readonly agent: Agent;
  readonly #clients: RealtimeClient[] = [];

  constructor(proxy: RunningProxy, token: string) {
    this.proxy = proxy;
    this.token = token;
    this.agent = new Agent({ keepAlive: true, ca: proxy.ca });
  }

  /** `body` is written in pieces, as a client does that reads the answer only when it has sent everything. */
  async post(
    path: string,
    body: Buffer | string,
    headers: Record<string, string> = { authorization: `Bearer ${this.token}` },
    agent: Agent = this.agent,
  ): Promise<Answer> {
    const sending = request({
      ...{ port: this.proxy.port, ca: this.proxy.ca, agent, path, method: 'POST' },
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
    });
    const response = once(sending, 'response');
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length; at += 65_536)
      if (!sending.write(bytes.subarray(at, at + 65_536)))
        await Promise.race([once(sending, 'drain'), response]);
    sending.end();
    const [answer] = await response;
    return { status: answer.statusCode, body: await text(answer) };
  }

  /** The name of a gateway to which the proxy leads. @throws Error with the status of an upgrade that was refused */
  async reach(prefix = '', forwardedFor?: string): Promise<{ gateway: string; connection: string }> {
    const socket = new WebSocket(
      `wss://127.0.0.1:${this.proxy.port}${prefix}/v1/ws`,
      ['carillon.v1.json'],
      this.#socketOptions(forwardedFor),
    );
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connect', id: 1, token: this.token }));
    const [data] = await once(socket, 'message');
    socket.close();
    await once(socket, 'close');
    return JSON.parse(String(data)) as { gateway: string; connection: string };
  }

  connect(prefix = ''): RealtimeClient {
    const options = this.#socketOptions();
    class TrustingSocket extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, options);
      }
    }
    const client = new RealtimeClient({
      url: `wss://127.0.0.1:${this.proxy.port}${prefix}`,
      token: this.token,
      backoff: { initialMs: 50, maxMs: 500 },
      webSocket: TrustingSocket as unknown as SocketConstructor,
    });
    this.#clients.push(client);
    return client;
  }

  /** Both gateways take clients, by this proxy. Some at once: a proxy may count the connections that are open. */
  async reachesAll(): Promise<void> {
    const reachesBoth = async (): Promise<boolean> => {
      const reached = await Promise.all(Array.from({ length: 4 }, () => this.reach()));
      return new Set(reached.map(({ gateway }) => gateway)).size === 2;
    };
    await eventually(reachesBoth, { what: 'both gateways are reached', timeoutMs: SOON_MS });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.agent.destroy();
    await this.proxy.stop();
  }

  #socketOptions(forwardedFor?: string) {
    return {
      ca: this.proxy.ca,
      ...(CLIENT_ADDRESS !== undefined && { localAddress: CLIENT_ADDRESS }),
      ...(forwardedFor !== undefined && { headers: { 'x-forwarded-for': forwardedFor } }),
    };
  }
}

/** Publishes again and again on connections of its own until it is told to stop; the answers but 200. */
function publishAlways(side: Side, channel: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: side.proxy.ca });
  const keys: string[] = [];
  const failures: string[] = [];
  let goesOn = true;
  const run = async (): Promise<void> => {
    for (let n = 0; goesOn; n++) {
      const key = `${channel}-${n}`;
      const publish = side.post(
        `/v1/channels/${channel}/messages`,
        JSON.stringify({ payload: { key } }),
        undefined,
        agent,
      );
      const failure = await publish.then(
        ({ status, body }) => (status === 200 ? undefined : `${status} ${body}`),
        (error: Error) => error.message,
      );
      if (failure === undefined) keys.push(key);
      else failures.push(failure);
    }
    agent.destroy();
  };
  const ended = run();
  const stop = async (): Promise<void> => {
    goesOn = false;
    await ended;
  };
  return { keys, failures, stop };
}

const reasons = Object.fromEntries(
  (['nginx', 'haproxy'] as const).map((name) => [name, whyNoProxy(name)]),
) as Record<ProxyName, string | undefined>;
for (const reason of Object.values(reasons))
  if (reason !== undefined) process.stderr.write(`proxies.e2e.test.ts is skipped in part: ${reason}\n`);

describe('behind a proxy', () => {
  let cluster: Cluster;
  let token: string;

  beforeAll(async () => {
    cluster = await startCluster({
      appendonly: false,
      routers: 1,
      env: { CARILLON_TRUSTED_PROXIES: '127.0.0.1', CARILLON_LOG_LEVEL: 'info' },
    });
    token = await tokenFor('ada');
  }, 180_000);
  afterAll(async () => {
    await cluster?.stop();
  });

  describe.each(['nginx', 'haproxy'] as const)('%s', (name) => {
    describe.skipIf(reasons[name] !== undefined)('with its configuration in infra/proxies', () => {
      let side: Side;
      beforeAll(async () => {
        side = new Side(
          await startProxy(
            name,
            cluster.gateways.map(({ port }) => port),
          ),
          token,
        );
        await eventually(async () => (await side.reach()).gateway !== undefined, {
          what: 'the proxy leads to a gateway',
        });
      }, 60_000);
      afterAll(async () => {
        await side?.stop();
      });

      it('takes a WebSocket to either gateway', async () => {
        await side.reachesAll();
      });

      it.runIf(CLIENT_ADDRESS !== undefined)(
        'tells the address of the client, whatever the client says of itself',
        async () => {
          const { connection } = await side.reach('', '198.51.100.7');
          const line = (): string | undefined =>
            cluster.gateways
              .flatMap(({ output }) => output.split('\n'))
              .find((entry) => entry.includes('client gone') && entry.includes(`"${connection}"`));
          await eventually(() => line() !== undefined, { what: 'the gateway has logged the end' });
          expect(JSON.parse(line()!)).toMatchObject({ address: CLIENT_ADDRESS, code: 1005 });
        },
      );

      it('brings the 401 and the 413 of a body of 3 MB, and honest clients notice nothing', {
        timeout: 60_000,
      }, async () => {
        const honest = publishAlways(side, `${name}-honest`);
        const path = `/v1/channels/${name}-large/messages`;
        for (let round = 0; round < 4; round++) {
          const answers = await Promise.all([side.post(path, LARGE, {}), side.post(path, LARGE)]);
          expect(answers.map(({ status }) => status)).toEqual([401, 413]);
          expect(answers.map(({ body }) => JSON.parse(body).error.code)).toEqual([
            'TOKEN_MISSING',
            'FRAME_TOO_LARGE',
          ]);
        }
        await side.reachesAll();
        await honest.stop();
        expect(honest.failures).toEqual([]);
        expect(honest.keys.length).toBeGreaterThan(0);
        expect(side.proxy.output).not.toMatch(
          /no live upstreams|upstream prematurely|reset by peer| is DOWN/,
        );
      });

      it('takes off a path prefix, and leaves the slash of a name as it is', async () => {
        const client = side.connect('/realtime');
        const message = Promise.withResolvers<unknown>();
        const channel = `${name}-room/1`;
        const subscribed = Promise.withResolvers<void>();
        client
          .subscribe(channel, ({ payload }) => message.resolve(payload))
          .on('subscribed', () => subscribed.resolve());
        client.connect();
        await subscribed.promise;
        const path = `/realtime/v1/channels/${encodeURIComponent(channel)}/messages`;
        expect(await side.post(path, '{"payload":"hello"}')).toMatchObject({ status: 200 });
        expect(await message.promise).toBe('hello');
      });

      it('locks no WebSocket out after a restart', { timeout: 120_000 }, async () => {
        for (const gateway of cluster.gateways) {
          await gateway.stop();
          for (let n = 0; n < 4; n++) await side.reach();
          await gateway.start();
          await side.reachesAll();
        }
      });

      it('[O10] while each gateway is restarted every publish is answered, and a subscriber gets them all', {
        timeout: 120_000,
      }, async () => {
        const channels = Array.from({ length: 16 }, (_, i) => `${name}-busy-${i}`);
        const received = new Map<string, string[]>(channels.map((channel) => [channel, []]));
        const client = side.connect();
        await Promise.all(
          channels.map((channel) => {
            const { promise, resolve } = Promise.withResolvers<void>();
            client
              .subscribe<{ key: string }>(channel, ({ payload }) => received.get(channel)!.push(payload.key))
              .on('subscribed', () => resolve());
            client.connect();
            return promise;
          }),
        );
        const publishers = channels.map((channel) => publishAlways(side, channel));
        const goesOn = async (): Promise<void> => {
          const goals = publishers.map(({ keys }) => keys.length + 5);
          await eventually(() => publishers.every(({ keys }, i) => keys.length >= goals[i]!), {
            what: 'every publisher gets on',
          });
        };
        for (const gateway of cluster.gateways) await restart(gateway, goesOn, side);
        await Promise.all(publishers.map(({ stop }) => stop()));
        expect(publishers.flatMap(({ failures }) => failures)).toEqual([]);
        await eventually(
          () => publishers.every(({ keys }, i) => received.get(channels[i]!)!.length >= keys.length),
          { what: 'all messages have come' },
        );
        expect([...received.values()]).toEqual(publishers.map(({ keys }) => keys));
      });
    });
  });
});

async function restart(gateway: Service, goesOn: () => Promise<void>, side: Side): Promise<void> {
  await goesOn();
  expect(await gateway.stop()).toBe(0);
  await goesOn();
  await gateway.start();
  await side.reachesAll();
  await goesOn();
}
