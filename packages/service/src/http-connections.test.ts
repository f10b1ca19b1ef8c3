/** Requests on client connections while the server serves and while it stops. */
import { Agent, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHttpServer, listening } from './http-server.ts';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';

/** An answer stalls after three times this. */
const REQUEST_TIMEOUT_MS = 400;
/** More than the kernel takes for a client that reads nothing. */
const LARGE = 'x'.repeat(4 * 1024 * 1024);

/** Of localhost. Some machines have no IPv6. */
const HOSTS = ['127.0.0.1', '::1'].filter((host) =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host)),
);

let server: ReturnType<typeof createHttpServer>;
let part: ReturnType<typeof listening>;
let port: number;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createHttpServer(recordedTelemetry().telemetry, { requestTimeout: REQUEST_TIMEOUT_MS });
  server.get('/large', async () => LARGE);
  server.get('/slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, 5 * REQUEST_TIMEOUT_MS));
    return 'late';
  });
  server.get('/count', async () => 'one');
  part = listening(server, { host: 'localhost', port: 0 });
  await part.start?.(new AbortController().signal);
  port = (server.server.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await part.stop?.();
});

function open(): Socket {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  return socket.on('error', () => undefined);
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

it('ends a connection whose answers nobody reads, also when bytes come on it now and then', async () => {
  const socket = open();
  socket.pause();
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(8));
  const sending = setInterval(() => socket.write('\r\n'), 50);
  await closed(socket);
  clearInterval(sending);
});

it('does not end one whose client reads slowly, nor one whose answer takes its time', {
  timeout: 20_000,
}, async () => {
  const patient = open();
  patient.write('GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const slow = text(patient);
  const socket = open();
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 30);
  });
  await closed(socket);
  expect(bytes).toBeGreaterThan(LARGE.length);
  expect(await slow).toContain('late');
});

/** Asks again and again on one connection. Returns the error that ended it. */
async function askUntilRefused(host: string, onAnswer: () => void): Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    const asking = request({ host, port, path: '/count', agent }).end();
    const outcome = await new Promise<string | undefined>((resolve) => {
      asking.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      asking.on('response', (response) => {
        response.resume().once('end', () => resolve(undefined));
      });
    });
    if (outcome !== undefined) {
      agent.destroy();
      return outcome;
    }
    onAnswer();
  }
}

it('resets nobody when it stops: busy connections end with an answer, new ones are refused', async () => {
  const answered = Array.from({ length: 16 }, () => Promise.withResolvers<void>());
  const clients = answered.map(({ resolve }, i) => askUntilRefused(HOSTS[i % HOSTS.length]!, resolve));
  await Promise.all(answered.map(({ promise }) => promise));
  await part.stop?.();
  const outcomes = await Promise.all(clients);
  expect(outcomes).toEqual(Array<string>(16).fill('ECONNREFUSED'));
});
