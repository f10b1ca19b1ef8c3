/** A page in a real browser is reloaded while messages flow and while the line is cut: nothing is missed, nothing comes twice. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { RealtimeClient } from '@carillon/client';
import {
  eventually,
  findChromium,
  freePort,
  type ServerProcess,
  startProcess,
  startRedis,
  startTcpProxy,
  type TcpProxy,
  type TestRedis,
} from '@carillon/testing';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_SECRET } from './cluster.ts';
import { connectClient, tokenFor } from './people.ts';
import type { ReloadPage } from './reload-page.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RELOADS = 8;
const MAX_TRAFFIC = 900;

declare const reloadPage: ReloadPage;

let redis: TestRedis;
let gateway: ServerProcess;
let gatewayPort: number;
let line: TcpProxy;
let web: Server;
let origin: string;
let browser: Browser;
const problems: string[] = [];

/** A page, and the script it loads. */
async function startWebServer(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./reload-page.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    write: false,
  });
  const script = outputFiles[0]!.text;
  web = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><title>Reload</title><script src="/page.js"></script>');
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  await startWebServer();
  redis = await startRedis();
  gatewayPort = await freePort();
  gateway = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/gateway/src/main.ts`],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_GATEWAY_PORT: String(gatewayPort),
      CARILLON_ALLOWED_ORIGINS: origin,
      // Without a database: what is kept is in Redis.
      CARILLON_NAMESPACES: JSON.stringify({ reload: { durable: false } }),
    },
    readyUrl: `http://127.0.0.1:${gatewayPort}/ready`,
  });
  line = await startTcpProxy({ targetPort: gatewayPort });
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await line?.stop();
  await gateway?.stop();
  await redis?.stop();
  web?.close();
});

async function addressOf(channel: string, tab: string): Promise<string> {
  const token = await tokenFor(`${channel}-user`);
  const parameters = new URLSearchParams({ channel, tab, token, url: `ws://127.0.0.1:${line.port}` });
  return `${origin}/?${parameters}`;
}

async function openPage(channel: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(await addressOf(channel, 'first'));
  await connected(page);
  await page.evaluate(() => reloadPage.ready());
  return page;
}

const connected = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => typeof reloadPage === 'object' && reloadPage.client.state === 'connected');
const seenBy = (page: Page) => page.evaluate(() => reloadPage.seen());
const publish = (page: Page, texts: readonly string[]) =>
  page.evaluate((all) => {
    for (const text of all) reloadPage.publish(text);
  }, texts);
const waitForSeen = (page: Page, text: string) =>
  eventually(async () => (await seenBy(page)).some(([, , payload]) => payload === text), {
    what: `the page sees ${text}`,
    timeoutMs: 30_000,
  });

/** Everything that is in the channel's log. */
async function logOf(observer: RealtimeClient, channel: string): Promise<[string, number, string][]> {
  const { messages, more } = await observer.history(channel, { limit: 1000 });
  expect(more).toBe(false);
  return messages
    .map(({ epoch, seq, payload }): [string, number, string] => [epoch, seq, String(payload)])
    .reverse();
}

describe('[K3] [K4] a page that is reloaded', () => {
  it('while messages flow sees each of them once and in order', { timeout: 180_000 }, async () => {
    const channel = 'reload:flow';
    const observer = await connectClient('observer', gatewayPort);
    const page = await openPage(channel);
    await observer.publish(channel, 'first');
    await waitForSeen(page, 'first');
    let stop = false;
    let published = 0;
    const traffic = (async () => {
      // Slow machines reload slowly: not more than one page of history holds.
      for (let n = 0; !stop && n < MAX_TRAFFIC; n++) {
        await observer.publish(channel, `n ${n}`);
        published++;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let reload = 0; reload < RELOADS; reload++) {
      await page.reload();
      await connected(page);
      await page.waitForTimeout(reload * 25);
    }
    await eventually(() => published > 100, { what: 'enough messages', timeoutMs: 20_000 });
    stop = true;
    await traffic;
    await observer.publish(channel, 'last');
    await waitForSeen(page, 'last');
    const log = await logOf(observer, channel);
    expect(log.length).toBeGreaterThan(100);
    expect(await seenBy(page)).toEqual(log);
    observer.close();
  });

  it('while the line is cut sends what waited once and in order', { timeout: 180_000 }, async () => {
    const channel = 'reload:queue';
    const observer = await connectClient('observer', gatewayPort);
    const page = await openPage(channel);
    const sent: string[] = [];
    const say = async (count: number): Promise<void> => {
      const texts = Array.from({ length: count }, (_, n) => `p ${sent.length + n}`);
      sent.push(...texts);
      await publish(page, texts);
    };
    await say(20);
    for (let round = 0; round < 4; round++) {
      await say(10); // some of these are on their way when the line is cut
      line.refuse();
      await say(10);
      await page.reload();
      await say(10);
      await page.reload();
      line.heal();
      await connected(page);
      await say(10);
    }
    await waitForSeen(page, sent.at(-1)!);
    const log = await logOf(observer, channel);
    expect(log.map(([, , payload]) => payload)).toEqual(sent);
    expect(await seenBy(page)).toEqual(log);
    const outcomes = await page.evaluate(() => reloadPage.outcomes());
    expect(outcomes.filter(([, outcome]) => outcome !== 'accepted')).toEqual([]);
    observer.close();
  });

  it('in two tabs, one opened by the other, keeps their states apart', { timeout: 180_000 }, async () => {
    const channel = 'reload:tabs';
    const observer = await connectClient('observer', gatewayPort);
    const first = await openPage(channel);
    await first.reload(); // its key has been given back and taken again
    await connected(first);
    const opened = first.context().waitForEvent('page');
    // A tab that a page opens begins with a copy of its sessionStorage.
    await first.evaluate(
      (address) => {
        (globalThis as unknown as { open(url: string): void }).open(address);
      },
      await addressOf(channel, 'second'),
    );
    const second = await opened;
    await connected(second);
    await second.evaluate(() => reloadPage.ready());
    line.refuse();
    await publish(first, ['a1', 'a2', 'a3']);
    await publish(second, ['b1', 'b2', 'b3']);
    await Promise.all([first.reload(), second.reload()]);
    await publish(first, ['a4']);
    await publish(second, ['b4']);
    await Promise.all([first.reload(), second.reload()]);
    line.heal();
    await Promise.all([first, second].map((page) => connected(page)));
    for (const page of [first, second]) for (const last of ['a4', 'b4']) await waitForSeen(page, last);
    const log = await logOf(observer, channel);
    const texts = log.map(([, , payload]) => payload);
    expect(texts.filter((text) => text.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(texts.filter((text) => text.startsWith('b'))).toEqual(['b1', 'b2', 'b3', 'b4']);
    expect(texts).toHaveLength(8);
    expect(await seenBy(first)).toEqual(log);
    expect(await seenBy(second)).toEqual(log);
    observer.close();
  });

  it('breaks nothing in the page', () => {
    expect(problems).toEqual([]);
  });
});
