import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let server: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];

async function startEcho(prefix = ''): Promise<Server> {
  const echo = createServer((socket) => {
    socket.on('error', () => undefined); // resets are what these tests are about
    socket.on('data', (chunk) => socket.write(prefix + chunk));
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  return echo;
}

const portOf = (of: Server): number => (of.address() as { port: number }).port;

interface Client {
  readonly socket: Socket;
  received: string;
  closed: boolean;
}

async function open(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  const client: Client = { socket, received: '', closed: false };
  sockets.push(socket);
  socket.on('data', (chunk) => {
    client.received += chunk;
  });
  socket.on('error', () => undefined); // `close` follows
  socket.on('close', () => {
    client.closed = true;
  });
  await once(socket, 'connect');
  return client;
}

const has = (client: Client, text: string): Promise<void> =>
  eventually(() => client.received === text, { what: `received ${text}` });

beforeEach(async () => {
  server = await startEcho();
  proxy = await startTcpProxy({ targetPort: portOf(server) });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.stop();
  server.close();
});

it('passes bytes on in both directions', async () => {
  const client = await open();
  client.socket.write('hello');
  await has(client, 'hello');
});

it('cuts present connections and takes new ones', async () => {
  const client = await open();
  client.socket.write('a');
  await has(client, 'a');
  proxy.cut();
  await eventually(() => client.closed, { what: 'the connection is gone' });
  expect(proxy.connections).toBe(0);
  const next = await open();
  next.socket.write('b');
  await has(next, 'b');
});

it('refuses until it is healed', async () => {
  proxy.refuse();
  const client = await open().catch(() => undefined);
  if (client !== undefined) await eventually(() => client.closed, { what: 'refused' });
  proxy.heal();
  const next = await open();
  next.socket.write('b');
  await has(next, 'b');
});

it.each(['toServer', 'toClient', 'both'] as const)(
  'half open %s: nothing comes, nobody is told; healing ends the connection',
  async (direction) => {
    const client = await open();
    client.socket.write('a');
    await has(client, 'a');
    proxy.halfOpen(direction);
    client.socket.write('b');
    // Healed earlier, it would pass on what has not come to it yet.
    await eventually(() => proxy.swallowedBytes === 1, { what: 'b is lost' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client).toMatchObject({ received: 'a', closed: false });
    proxy.heal();
    await eventually(() => client.closed, { what: 'the connection is gone' });
  },
);

it('delays one direction, and keeps the order in spite of jitter', async () => {
  const client = await open();
  proxy.delay({ delayMs: 80, jitterMs: 60 }, 'toClient');
  const startMs = performance.now();
  let text = '';
  for (let i = 0; i < 20; i++) {
    text += `${i},`;
    client.socket.write(`${i},`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await has(client, text);
  expect(performance.now() - startMs).toBeGreaterThan(20);
});

it('limits the bandwidth', async () => {
  const client = await open();
  proxy.limit(10_000, 'toServer');
  const startMs = performance.now();
  client.socket.write('x'.repeat(3000));
  await has(client, 'x'.repeat(3000));
  expect(performance.now() - startMs).toBeGreaterThan(250);
});

it('goes to another server', async () => {
  const other = await startEcho('other:');
  const client = await open();
  proxy.retarget(portOf(other));
  await eventually(() => client.closed, { what: 'the connection to the first one is gone' });
  const next = await open();
  next.socket.write('a');
  await has(next, 'other:a');
  next.socket.destroy();
  other.close();
});
