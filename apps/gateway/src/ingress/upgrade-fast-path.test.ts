/** Connections by their first bytes: to whom they go, and that nothing of them is lost on the way. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UpgradeFastPath } from './upgrade-fast-path.ts';

/** Longer than any delay of a busy machine. */
const PATIENT_MS = 20_000;
const REQUEST = 'POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';

let server: Server;
let firstBytes: UpgradeFastPath;
let opened: Promise<Socket>;
let leftToHttp: Promise<Socket>;

async function start(silentMs: number): Promise<void> {
  server = createServer(async (request, response) => response.end(`${request.url} ${await text(request)}`));
  leftToHttp = new Promise((resolve) => server.on('connection', resolve));
  firstBytes = new UpgradeFastPath(server, takeMine, silentMs);
  opened = new Promise((resolve) => server.on('connection', resolve));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
async function stop(): Promise<void> {
  firstBytes.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
beforeEach(() => start(PATIENT_MS));
afterEach(stop);

function takeMine(socket: Socket, chunk: Buffer): boolean {
  const sent = chunk.toString('latin1');
  if (!sent.startsWith('MINE')) return false;
  socket.end(`taken: ${sent}`);
  return true;
}

function client(): Socket {
  return connect((server.address() as AddressInfo).port, '127.0.0.1');
}

it('are taken', async () => {
  const socket = client();
  socket.end('MINE, all of it');
  expect(await text(socket)).toBe('taken: MINE, all of it');
});

it('are left to Node with all that follows, however they are cut', { timeout: 30_000 }, async () => {
  for (let cut = 1; cut < REQUEST.length; cut += 3) {
    const socket = client().setNoDelay();
    socket.write(REQUEST.slice(0, cut));
    await Promise.race([leftToHttp, once(socket, 'connect')]);
    socket.write(REQUEST.slice(cut));
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 .*\/here hello/s);
  }
});

it('are left to Node for the next request of the connection, too', async () => {
  const socket = client();
  const asked = REQUEST.replace('Connection: close\r\n', '');
  socket.write(asked + asked);
  socket.write(REQUEST);
  expect((await text(socket)).match(/here hello/g)).toHaveLength(3);
});

it('are left to Node when they are late', async () => {
  await stop();
  await start(20);
  const socket = client();
  await leftToHttp;
  socket.write(REQUEST);
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 .*\/here hello/s);
});

it('of a client that hangs up instead: it is let go', async () => {
  const socket = client();
  socket.end();
  const closed = once(await opened, 'close');
  expect(await text(socket)).toBe('');
  await closed;
});

it('of a client that breaks off instead: it is let go', async () => {
  const socket = client();
  const closed = opened.then((served) => new Promise<boolean>((resolve) => served.once('close', resolve)));
  await Promise.all([opened, once(socket, 'connect')]);
  socket.resetAndDestroy();
  expect(await closed).toBe(true);
});

it('that never come hold up no stop', async () => {
  const socket = client();
  const ended = once(socket, 'close');
  await opened;
  firstBytes.stop();
  socket.resume();
  await ended;
});

it('are left to Node once it is stopped', async () => {
  firstBytes.stop();
  const socket = client();
  socket.write('MINE');
  await leftToHttp;
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /);
});
