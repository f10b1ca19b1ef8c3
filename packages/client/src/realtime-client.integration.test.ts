import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientEvents } from './events.ts';
import type { Message } from './message.ts';
import type { RealtimeClientOptions, TokenRequest } from './options.ts';
import { RealtimeClient } from './realtime-client.ts';
import { type SocketServer, startSocketServer } from './socket-server.suite.ts';

const CHANNEL = 'chat:lobby';
const FAST = { initialMs: 5, factor: 2, maxMs: 20 };

let server: SocketServer;
let clients: RealtimeClient[];

beforeEach(async () => {
  server = await startSocketServer();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

function make(options: Partial<RealtimeClientOptions> = {}): RealtimeClient {
  const client = new RealtimeClient({ url: server.url, backoff: FAST, ...options });
  clients.push(client);
  return client;
}

function next<Name extends keyof ClientEvents>(
  client: RealtimeClient,
  name: Name,
): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const off = client.on(name, (event) => {
      off();
      resolve(event);
    });
  });
}

/** Collects messages; `until(n)` resolves when n have come. */
function collect() {
  const messages: Message[] = [];
  let wake: () => unknown = () => undefined;
  return {
    messages,
    handler: (message: Message) => {
      messages.push(message);
      wake();
    },
    until: async (count: number) => {
      while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return messages;
    },
  };
}

describe('a connection', () => {
  it('presents the token, and subscribes and publishes what waited for it', async () => {
    const client = make({ token: 'secret', client: { name: 'app', version: '1' } });
    const inbox = collect();
    client.subscribe(CHANNEL, inbox.handler);
    const receipt = client.publish(CHANNEL, { text: 'hello' }, { event: 'chat.said' });
    await client.connect();
    expect(server.peer.received[0]).toMatchObject({
      type: 'connect',
      token: 'secret',
      client: { name: 'app' },
    });
    expect(await receipt).toMatchObject({ epoch: 'e1', seq: 1, duplicate: false });
    expect(server.peer.received.find(({ type }) => type === 'publish')).toMatchObject({ event: 'chat.said' });
  });

  it('reconnects after a cut and hands over what was missed before what is new', async () => {
    const client = make();
    const inbox = collect();
    const subscription = client.subscribe(CHANNEL, inbox.handler);
    client.connect();
    await subscription.ready();
    server.peer.publish(CHANNEL, 1);
    await inbox.until(1);
    const disconnected = next(client, 'disconnected');
    const recovered = next(client, 'recovered');
    server.terminateAll();
    server.peer.publish(CHANNEL, 2);
    server.peer.publish(CHANNEL, 3);
    expect(await disconnected).toMatchObject({ code: 1006, willReconnect: true });
    expect(await recovered).toMatchObject({ recovered: true, missed: 2, position: { epoch: 'e1', seq: 1 } });
    server.peer.publish(CHANNEL, 4);
    const messages = await inbox.until(4);
    expect(messages.map(({ payload, recovered: late }) => [payload, late])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, false],
    ]);
  });

  it('[SU6] says why messages could not be recovered, and goes on', async () => {
    const client = make();
    const inbox = collect();
    const subscription = client.subscribe(CHANNEL, inbox.handler);
    client.connect();
    await subscription.ready();
    server.peer.publish(CHANNEL, 1);
    await inbox.until(1);
    const recovered = next(client, 'recovered');
    server.terminateAll();
    server.peer.publish(CHANNEL, 2);
    server.peer.trim(CHANNEL);
    expect(await recovered).toMatchObject({ recovered: false, reason: 'history-trimmed', missed: 0 });
    server.peer.publish(CHANNEL, 3);
    expect((await inbox.until(2)).map(({ seq }) => seq)).toEqual([1, 3]);
  });

  it('[MS4] reports a gap that the server tells, and goes on in the new epoch', async () => {
    const client = make();
    const inbox = collect();
    const subscription = client.subscribe(CHANNEL, inbox.handler);
    client.connect();
    await subscription.ready();
    const gap = next(client, 'gap');
    server.peer.newEpoch(CHANNEL, 'e2');
    const from = { epoch: 'e1', seq: 0 };
    server.peer.broadcast({
      type: 'gap',
      channel: CHANNEL,
      epoch: 'e2',
      seq: 0,
      from,
      reason: 'epoch-changed',
    });
    server.peer.publish(CHANNEL, 'new');
    expect(await gap).toMatchObject({ reason: 'epoch-changed', to: { epoch: 'e2', seq: 0 } });
    expect(await inbox.until(1)).toMatchObject([{ epoch: 'e2', seq: 1 }]);
  });

  it('goes on from a position that was kept', async () => {
    for (const payload of [1, 2, 3]) server.peer.publish(CHANNEL, payload);
    const client = make();
    const inbox = collect();
    client.subscribe(CHANNEL, inbox.handler, { position: { epoch: 'e1', seq: 1 } });
    client.connect();
    expect((await inbox.until(2)).map(({ payload }) => payload)).toEqual([2, 3]);
  });

  it('[HB2] takes a silent server for dead', async () => {
    const client = make({ pingIntervalMs: 100, pongTimeoutMs: 50 });
    client.connect();
    await next(client, 'latency');
    server.peer.ignore = () => true;
    expect(await next(client, 'disconnected')).toMatchObject({ code: 1006, reason: 'no answer to a ping' });
    server.peer.ignore = () => false;
    await next(client, 'connected');
  });

  it('measures the round trip', async () => {
    const client = make();
    const beganMs = performance.now();
    client.connect();
    const { roundTripMs } = await next(client, 'latency');
    expect(roundTripMs).toBeGreaterThan(0);
    expect(roundTripMs).toBeLessThan(performance.now() - beganMs);
  });
});

describe('closing and giving up', () => {
  it('[CL2] stays closed when told so by the close code', async () => {
    const client = make();
    await client.connect();
    const gaveUp = next(client, 'gaveUp');
    server.peer.closeAll(4200, 'abuse');
    expect((await gaveUp).error.code).toBe('GAVE_UP');
    expect(client.state).toBe('failed');
    await expect(client.publish(CHANNEL, 1)).rejects.toMatchObject({ code: 'GAVE_UP' });
  });

  it('[CL1] waits at least as long as the server asks for', async () => {
    const client = make();
    await client.connect();
    const reconnecting = next(client, 'reconnecting');
    server.peer.broadcast({
      type: 'disconnect',
      code: 4000,
      reason: 'draining',
      reconnect: true,
      retryAfterMs: 300,
    });
    server.peer.closeAll(4000, 'draining');
    const { delayMs, error } = await reconnecting;
    expect(delayMs).toBeGreaterThanOrEqual(300);
    expect(error.message).toBe('draining');
  });

  it('gives up after the set number of attempts', async () => {
    // Listens on: the port of one that has stopped may be somebody else's.
    const closing = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(closing, 'listening');
    const { port } = closing.address() as AddressInfo;
    const client = make({ url: `ws://127.0.0.1:${port}`, maxAttempts: 3 });
    const delays: number[] = [];
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    const gaveUp = next(client, 'gaveUp');
    await expect(client.connect()).rejects.toMatchObject({ code: 'GAVE_UP' });
    expect((await gaveUp).attempts).toBe(3);
    expect(delays).toHaveLength(2);
    closing.close();
  });

  it('rejects what waits when it is closed, and can connect again', async () => {
    const client = make();
    const inbox = collect();
    client.subscribe(CHANNEL, inbox.handler);
    const waiting = client.publish(CHANNEL, 1);
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await client.connect();
    await client.publish(CHANNEL, 2);
    expect(await inbox.until(1)).toMatchObject([{ payload: 2, own: true }]);
  });

  it('[SU7] hands nothing over after unsubscribe, and the server is told', async () => {
    const client = make();
    const inbox = collect();
    const other = collect();
    const first = client.subscribe(CHANNEL, inbox.handler);
    const second = client.subscribe(CHANNEL, other.handler);
    client.connect();
    await first.ready();
    first.unsubscribe();
    await client.publish(CHANNEL, 1);
    expect(await other.until(1)).toHaveLength(1);
    expect(inbox.messages).toEqual([]);
    expect(server.peer.received.some(({ type }) => type === 'unsubscribe')).toBe(false);
    second.unsubscribe();
    await client.publish(CHANNEL, 2);
    await client.history(CHANNEL); // what was sent before this question has come when it is answered
    expect(server.peer.received.some(({ type }) => type === 'unsubscribe')).toBe(true);
    expect(other.messages).toHaveLength(1);
  });

  it('can leave and join a channel in one turn', async () => {
    const client = make();
    const first = client.subscribe(CHANNEL, () => undefined);
    client.connect();
    await first.ready();
    const inbox = collect();
    first.unsubscribe();
    await client.subscribe(CHANNEL, inbox.handler).ready();
    server.peer.publish(CHANNEL, 'again');
    expect(await inbox.until(1)).toMatchObject([{ payload: 'again' }]);
  });
});

describe('tokens', () => {
  const refusal = { code: 'TOKEN_EXPIRED', message: 'expired', retryable: false } as const;

  it('fetches another one when the server refuses', async () => {
    const requests: TokenRequest[] = [];
    server.peer.refuse = (frame) =>
      frame.type === 'connect' && frame.token === 'token 1' ? refusal : undefined;
    const client = make({ getToken: (request) => `token ${requests.push(request)}` });
    await client.connect();
    expect(requests).toMatchObject([
      { reason: 'first' },
      { reason: 'refused', error: { code: 'TOKEN_EXPIRED' } },
    ]);
  });

  it('keeps a good one over reconnects', async () => {
    let fetched = 0;
    const client = make({ getToken: async () => `token ${++fetched}` });
    await client.connect();
    server.terminateAll();
    await next(client, 'connected');
    expect(fetched).toBe(1);
  });

  it('[CN4] [CL2] gives up with a fixed one that is refused', async () => {
    server.peer.refuse = (frame) => (frame.type === 'connect' ? refusal : undefined);
    const client = make({ token: 'old' });
    const error = next(client, 'error');
    await expect(client.connect()).rejects.toMatchObject({
      code: 'GAVE_UP',
      cause: { code: 'TOKEN_EXPIRED' },
    });
    expect((await error).code).toBe('TOKEN_EXPIRED');
  });

  it('tries again when the callback fails', async () => {
    let calls = 0;
    const client = make({
      getToken: () => {
        calls++;
        if (calls < 3) throw new Error('no network');
        return 'token';
      },
    });
    const error = next(client, 'error');
    await client.connect();
    expect(await error).toMatchObject({ code: 'TOKEN_CALLBACK_FAILED', cause: { message: 'no network' } });
  });
});

describe('publishing', () => {
  it('[PU5] tells when a message is stored, also when the answer comes on the next connection', async () => {
    const client = make();
    await client.connect();
    const { stored } = client.publish(CHANNEL, 1, { stored: true });
    expect(await stored).toEqual({ epoch: 'e1', seq: 1 });
    server.peer.answerWith = (frame) => {
      if (frame.type !== 'publish') return undefined;
      server.peer.answerWith = () => undefined;
      server.terminateAll();
      return { code: 'INTERNAL', message: '', retryable: true };
    };
    const second = client.publish(CHANNEL, 2, { stored: true });
    expect(await second).toMatchObject({ seq: 2, duplicate: true });
    expect(await second.stored).toEqual({ epoch: 'e1', seq: 2 });
  });

  it('[FR3] refuses what is larger than the server takes without sending it', async () => {
    server.peer.maxFrameBytes = 1_000;
    const client = make();
    await client.connect();
    const large = client.publish(CHANNEL, 'ä'.repeat(600));
    await expect(large).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' });
    await expect(client.publish(CHANNEL, 'ä'.repeat(300))).resolves.toMatchObject({ seq: 1 });
  });

  it('bounds what may wait', async () => {
    const client = make({ outbox: { maxMessages: 2 } });
    const waiting = [client.publish(CHANNEL, 1), client.publish(CHANNEL, 2)];
    await expect(client.publish(CHANNEL, 3)).rejects.toMatchObject({ code: 'OUTBOX_FULL' });
    await client.connect();
    expect((await Promise.all(waiting)).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(client.pendingPublishes).toBe(0);
  });

  it('rejects a payload that is not JSON', async () => {
    await expect(make().publish(CHANNEL, undefined)).rejects.toThrow(TypeError);
  });

  it('[PU6] stops repeating before the server forgets the producer', async () => {
    const client = make({ producerTtlMs: 60 });
    await client.connect();
    server.peer.answerWith = (frame) =>
      frame.type === 'publish' ? { code: 'OUTCOME_UNKNOWN', message: '', retryable: true } : undefined;
    const lost = client.publish(CHANNEL, 1);
    const rejected = expect(lost).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    server.terminateAll();
    await rejected;
  });

  it('asks for history, also across a cut', async () => {
    for (const payload of [1, 2, 3]) server.peer.publish(CHANNEL, payload);
    const client = make();
    const page = client.history<string>(CHANNEL, { limit: 2 });
    await client.connect();
    expect((await page).messages.map(({ payload }) => payload)).toEqual([3, 2]);
    expect((await page).reason).toBeUndefined();
    const ahead = await client.history(CHANNEL, { after: { epoch: 'e', seq: 9 } });
    expect(ahead.reason).toBe('position-ahead');
  });
});

describe('subscriptions that are refused', () => {
  it('tell it', async () => {
    server.peer.refuse = (frame) =>
      frame.type === 'subscribe'
        ? { code: 'PERMISSION_DENIED', message: 'not here', retryable: false }
        : undefined;
    const client = make();
    client.connect();
    const subscription = client.subscribe(CHANNEL, () => undefined);
    await expect(subscription.ready()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(subscription.state).toBe('refused');
  });

  it('are tried again when it may help', async () => {
    let refusals = 2;
    server.peer.refuse = (frame) =>
      frame.type === 'subscribe' && refusals-- > 0
        ? { code: 'UNAVAILABLE', message: 'not now', retryable: true }
        : undefined;
    const client = make();
    client.connect();
    const subscription = client.subscribe(CHANNEL, () => undefined);
    await subscription.ready();
    expect(subscription.state).toBe('subscribed');
  });
});
