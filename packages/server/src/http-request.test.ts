import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BackendClient } from './index.ts';

let server: Server;

async function clientOf(answer: RequestListener, path = ''): Promise<BackendClient> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  return new BackendClient({ url, retry: { initialMs: 1, maxMs: 1 } });
}

afterEach(() => {
  vi.useRealTimers();
  server.close();
});

describe('a request that may be repeated', () => {
  const busy = { error: { code: 'UNAVAILABLE', message: 'later', retryable: true } };

  it('is not repeated after a sleep of the machine that is longer than the memory of its key', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
    let attempts = 0;
    const client = await clientOf((_request, response) => {
      attempts++;
      if (attempts === 2) vi.setSystemTime(Date.now() + 11 * 60_000);
      response.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify(busy));
    });
    await expect(client.publish('a', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(attempts).toBe(2);
  });
});

it.each([
  ['', '/v1/channels/a%2Fb/messages'],
  ['/v1/ws', '/v1/channels/a%2Fb/messages'],
  ['/realtime', '/realtime/v1/channels/a%2Fb/messages'],
  ['/realtime/v1/ws', '/realtime/v1/channels/a%2Fb/messages'],
])('finds its routes below the address of the WebSocket, too: %s', async (path, expected) => {
  const asked: (string | undefined)[] = [];
  const client = await clientOf((request, response) => {
    asked.push(request.url);
    response.end('{"epoch":"e","seq":1,"id":"m"}');
  }, path);
  await client.publish('a/b', 1);
  expect(asked).toEqual([expected]);
});

it('leaves out of an answer what could set a prototype', async () => {
  const client = await clientOf((_request, response) => {
    response.end('{"messages":[{"payload":{"__proto__":{"admin":true},"a":1}}],"more":false}');
  });
  const { messages } = await client.history('a');
  expect(Object.keys(messages[0]!.payload as object)).toEqual(['a']);
});
