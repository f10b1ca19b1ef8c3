/** TLS in the gateway itself: the same addresses, for WebSockets and for plain requests. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:https';
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

beforeAll(async () => {
  certificates = await makeCertificates(dir);
  gateway = await startGateway({
    CARILLON_TLS_CERT_FILE: certificates.certFile,
    CARILLON_TLS_KEY_FILE: certificates.keyFile,
  });
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
