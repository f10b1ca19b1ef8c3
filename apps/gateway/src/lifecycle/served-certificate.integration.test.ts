import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { edgeSettings, loadConfig } from '@carillon/config';
import { createTelemetry } from '@carillon/telemetry';
import { type Certificates, eventually, makeCertificates } from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServedCertificate } from './served-certificate.ts';

const dir = mkdtempSync(join(tmpdir(), 'carillon-served-'));
const files = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
const pairs: Certificates[] = [];
const lines: string[] = [];
let served: ServedCertificate;
let server: Server;

const copy = (from: Certificates, what: 'certFile' | 'keyFile') => copyFileSync(from[what], files[what]);

beforeAll(async () => {
  for (const name of ['first', 'second']) {
    mkdirSync(join(dir, name));
    pairs.push(await makeCertificates(join(dir, name)));
  }
  copy(pairs[0]!, 'certFile');
  copy(pairs[0]!, 'keyFile');
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    processMetrics: false,
    stream: { write: (line) => lines.push(line) },
  });
  served = new ServedCertificate(files, telemetry, 50);
  server = createServer(served.pair).listen(0, '127.0.0.1');
  await once(server, 'listening');
  served.start(server);
});
afterAll(() => {
  served.stop();
  server.close();
  rmSync(dir, { recursive: true });
});

/** Does the server present a certificate of `pair`'s authority? */
async function issuerIs(pair: Certificates): Promise<boolean> {
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: readFileSync(pair.caFile),
  });
  try {
    await once(socket, 'secureConnect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

it('warns of a certificate that ends soon', () => {
  expect(served.problem()).toMatch(/valid for 1 more days, until 20/);
  expect(lines.join('')).toContain('Renew CARILLON_TLS_CERT_FILE');
});

it('serves a renewed certificate when its files change, and never a pair that does not fit', async () => {
  expect(await issuerIs(pairs[0]!)).toBe(true);
  copy(pairs[1]!, 'certFile');
  await eventually(() => lines.join('').includes('does not belong to the certificate'), {
    what: 'the half of a change is refused',
  });
  expect(await issuerIs(pairs[0]!)).toBe(true);
  copy(pairs[1]!, 'keyFile');
  await eventually(() => issuerIs(pairs[1]!), { what: 'the new pair is served' });
  writeFileSync(files.certFile, 'nonsense');
  served.reload();
  expect(lines.at(-1)).toContain('is no PEM file');
  expect(await issuerIs(pairs[1]!)).toBe(true);
});

it('a wrong pair is refused with the settings', () => {
  const read = (certFile: string, keyFile: string) =>
    loadConfig({ edge: edgeSettings }, { CARILLON_TLS_CERT_FILE: certFile, CARILLON_TLS_KEY_FILE: keyFile });
  expect(() => read(pairs[0]!.certFile, pairs[1]!.keyFile)).toThrow(
    'the private key of CARILLON_TLS_KEY_FILE does not belong to the certificate of CARILLON_TLS_CERT_FILE',
  );
  expect(() => read(pairs[0]!.certFile, pairs[0]!.certFile)).toThrow('which is no private key');
  expect(() => read(pairs[0]!.certFile, join(dir, 'missing'))).toThrow("can't be read (ENOENT)");
});
