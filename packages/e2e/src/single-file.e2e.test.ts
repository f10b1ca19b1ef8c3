/** The client as one file, in a page without a bundler, in a real browser. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  findChromium,
  freePort,
  type ServerProcess,
  startProcess,
  startRedis,
  type TestRedis,
} from '@carillon/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JWT_SECRET } from './cluster.ts';
import { tokenFor } from './people.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAX_GZIP_BYTES = 24 * 1024;

/** Written as somebody would who copies it into a page. */
const PAGE = `<!doctype html>
<title>Without a bundler</title>
<script src="/carillon-client.min.js"></script>
<script>
  const parameters = new URLSearchParams(location.search);
  const client = new Carillon.RealtimeClient({
    url: parameters.get('url'),
    token: parameters.get('token'),
    storage: Carillon.browserStorage(),
    monitor: Carillon.connectionMonitor(),
    ...(parameters.has('protobuf') ? { encoding: Carillon.protobuf } : {}),
  });
  const seen = [];
  const subscription = client.subscribe('pages:a', (message) => seen.push(message.payload));
  client.connect();
</script>`;

declare const client: { publish(channel: string, payload: unknown): Promise<{ seq: number }> };
declare const subscription: { ready(): Promise<void> };
declare const seen: unknown[];

let dir: string;
let script: string;
let redis: TestRedis;
let gateway: ServerProcess;
let gatewayPort: number;
let web: Server;
let browser: Browser;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-single-file-'));
  const outfile = join(dir, 'carillon-client.min.js');
  const build = [join(ROOT, 'tooling/build-browser-file.mjs'), `--outfile=${outfile}`];
  await promisify(execFile)(process.execPath, build, { cwd: join(ROOT, 'packages/client') });
  script = await readFile(outfile, 'utf8');
  web = createServer((request, response) => {
    const isScript = request.url === '/carillon-client.min.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : PAGE);
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  redis = await startRedis();
  gatewayPort = await freePort();
  gateway = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/gateway/src/main.ts`],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_GATEWAY_PORT: String(gatewayPort),
    },
    readyUrl: `http://127.0.0.1:${gatewayPort}/ready`,
  });
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  await redis?.stop();
  web?.close();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function open(user: string, more = {}): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  const url = `ws://127.0.0.1:${gatewayPort}`;
  const parameters = new URLSearchParams({ url, token: await tokenFor(user), ...more });
  await page.goto(`http://127.0.0.1:${(web.address() as AddressInfo).port}/?${parameters}`);
  await page.evaluate(() => subscription.ready());
  return page;
}

it('publishes and hears, as JSON and as protobuf', { timeout: 60_000 }, async () => {
  const pages = [await open('ada'), await open('grace', { protobuf: '' })];
  for (const [i, page] of pages.entries()) {
    const said = { text: `from page ${i}` };
    await page.evaluate((payload) => client.publish('pages:a', payload), said);
    for (const hearing of pages)
      await hearing.waitForFunction((text) => JSON.stringify(seen.at(-1)) === text, JSON.stringify(said));
  }
});

it('is at most 24 kB', () => {
  expect(gzipSync(script).length).toBeLessThanOrEqual(MAX_GZIP_BYTES);
});
