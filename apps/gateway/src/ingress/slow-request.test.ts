/** Clients that take their time with a request hold a socket each: they are cut off, whatever part they dawdle with. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway } from '../running-gateway.suite.ts';

const HEAD = 'POST /v1/channels/a/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

let gateway: RunningGateway;
const sockets: Socket[] = [];

beforeEach(async () => {
  gateway = await startGateway({ CARILLON_HANDSHAKE_TIMEOUT_MS: '400ms' });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.stop();
});

describe('a request that does not end', () => {
  it.each([
    ['nothing at all', '', undefined],
    ['half of the headers', 'GET /health HTTP/1.1\r\nHost: x\r\n', undefined],
    ['a body without an end', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
    ['a body shorter than it says', `${HEAD}Content-Length: 1000\r\n\r\n{`, undefined],
    [
      'a body for an address that is not there',
      'POST /nope HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\n \r\n',
    ],
  ])('is cut off: %s', { timeout: 30_000 }, async (_name, head, drop) => {
    const socket = connect(gateway.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined); // a reset is an end, too
    socket.resume();
    const dripping = drop === undefined ? undefined : setInterval(() => socket.write(drop), 50);
    socket.once('close', () => clearInterval(dripping));
    socket.write(head);
    // Not once(): it takes the reset for a failure of its own.
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  });

  it('does not concern WebSockets, which live on', async () => {
    await gateway.stop();
    // Time enough for the handshake itself, however busy the machine is.
    gateway = await startGateway({ CARILLON_HANDSHAKE_TIMEOUT_MS: '4s' });
    const peer = await BarePeer.join(gateway.port, 'ada');
    await expect(once(peer.socket, 'close', { signal: AbortSignal.timeout(6000) })).rejects.toThrow();
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    peer.socket.terminate();
  });
});
