import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HOSTILE_ANSWER_NAMES, startHostilePeer } from '@carillon/testing';
import { afterEach, expect, test } from 'vitest';
import { createKeySet } from './key-set.ts';

let server: Server | undefined;

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
}

/** For what answers: a bound that a busy machine doesn't reach. */
const PATIENT = { timeoutMs: 30_000 };

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });

test('reads a key set over HTTP', async () => {
  const url = await serve((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
  expect(await createKeySet({ url, ...PATIENT }).candidates('EdDSA', undefined)).toHaveLength(1);
});

test('an answer that does not come is given up after the timeout', async () => {
  const url = await serve(() => undefined);
  const fault = await createKeySet({ url, timeoutMs: 50 }).candidates('EdDSA', undefined).catch(String);
  expect(fault).toContain('timeout');
});

test('an answer that begins and does not end is given up after the timeout', async () => {
  const url = await serve((_request, response) => response.write('{"keys":['));
  const fault = await createKeySet({ url, timeoutMs: 50 }).candidates('EdDSA', undefined).catch(String);
  expect(fault).toMatch(/timeout|aborted/);
});

test('an endless answer is cut off', async () => {
  const url = await serve((_request, response) => {
    const chunk = ' '.repeat(65_536);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      response.once('drain', more);
    };
    more();
  });
  const fault = await createKeySet({ url, ...PATIENT })
    .candidates('EdDSA', undefined)
    .catch(String);
  expect(fault).toContain('larger than');
});

test('redirects are not followed', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/other') response.end(JSON.stringify({ keys: [jwk] }));
    else response.writeHead(302, { location: '/other' }).end();
  });
  const fault = await createKeySet({ url, ...PATIENT })
    .candidates('EdDSA', undefined)
    .catch((error: unknown) => error);
  expect(fault).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
});

test.each(HOSTILE_ANSWER_NAMES)('a source that %s is given up', async (answer) => {
  const peer = await startHostilePeer(answer);
  const fault = await createKeySet({ url: peer.url, timeoutMs: 500 })
    .candidates('EdDSA', undefined)
    .catch((error: unknown) => error);
  expect(fault).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
  await peer.stop();
});
