/** TLS in the gateway itself: the same addresses, for WebSockets and for plain requests. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Certificates, makeCertificates } from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const dir = mkdtempSync(join(tmpdir(), 'carillon-gateway-tls-'));
let certificates: Certificates;
let gateway: RunningGateway;

const start = (env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> =>
  startGateway({
    CARILLON_TLS_CERT_FILE: certificates.certFile,
    CARILLON_TLS_KEY_FILE: certificates.keyFile,
    ...env,
  });

beforeAll(async () => {
  certificates = await makeCertificates(dir);
  gateway = await start();
});
afterAll(async () => {
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
});

const authority = () => readFileSync(certificates.caFile);

it('serves WebSockets', async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${gateway.port}/v1/ws`, ['carillon.v1.json'], {
    ca: authority(),
  });
  await once(socket, 'open');
  const answered = once(socket, 'message');
  socket.send(JSON.stringify({ type: 'connect', id: 1, token: await tokenOf('ada') }));
  expect(String((await answered)[0])).toContain('"type":"connected"');
  socket.terminate();
});

it('serves requests', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority() });
  for (let i = 0; i < 2; i++) {
    const [response] = await once(
      get({ host: '127.0.0.1', port: gateway.port, path: '/health', agent }),
      'response',
    );
    expect(response.statusCode).toBe(200);
    await text(response);
  }
  agent.destroy();
});

it('cuts off who never begins with TLS', { timeout: 30_000 }, async () => {
  const impatient = await start({ CARILLON_HANDSHAKE_TIMEOUT_MS: '400ms' });
  const socket = connect(impatient.port, '127.0.0.1').resume();
  await once(socket, 'close');
  await impatient.stop();
});

it('stops without waiting for who never begins with TLS', { timeout: 30_000 }, async () => {
  const stopped = await start({ CARILLON_HANDSHAKE_TIMEOUT_MS: '60s' });
  const socket = connect(stopped.port, '127.0.0.1').resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined); // a reset is an end, too
  await once(socket, 'connect');
  await stopped.stop();
  await closed;
  expect(stopped.log.join('')).not.toContain('did not stop in time');
});
