/**
 * Lives of a page in a real browser: a crash, a killed browser, a duplicated tab, the browser's cache. Publishes are
 * sent once and in order, and no message is missed.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RealtimeClient } from '@carillon/client';
import {
  descendantsOf,
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
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JWT_SECRET } from './cluster.ts';
import { connectClient, tokenFor } from './people.ts';
import type { ReloadPage } from './reload-page.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

declare const reloadPage: ReloadPage;

let redis: TestRedis;
let gateway: ServerProcess;
let gatewayPort: number;
let line: TcpProxy;
let web: Server;
let origin: string;
let profile: string;
let context: BrowserContext;
let observer: RealtimeClient;

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
    if (request.url?.startsWith('/policy'))
      response.setHeader('content-security-policy', "connect-src 'self'");
    const scripts = request.url?.startsWith('/other') ? '' : '<script src="/page.js"></script>';
    response.end(isScript ? script : `<!doctype html><title>Reload</title>${scripts}`);
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}

/** A browser with what an earlier one of this profile has kept. With the browser's cache of pages, which automation switches off. */
const openBrowser = (): Promise<BrowserContext> =>
  chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    args: ['--no-sandbox', '--restore-last-session', '--hide-crash-restore-bubble'],
    ignoreDefaultArgs: ['--disable-back-forward-cache', 'about:blank'],
  });

beforeAll(async () => {
  await startWebServer();
  profile = await mkdtemp(join(tmpdir(), 'carillon-profile-'));
  redis = await startRedis();
  gatewayPort = await freePort();
  gateway = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/gateway/src/main.ts`],
    env: {
      CARILLON_REDIS_URL: redis.url,
      CARILLON_JWT_SECRET: JWT_SECRET,
      CARILLON_GATEWAY_PORT: String(gatewayPort),
      CARILLON_HOST: '0.0.0.0', // on a loopback address it takes all pages of this machine
      CARILLON_ALLOWED_ORIGINS: origin,
      CARILLON_NAMESPACES: JSON.stringify({ lives: { durable: false } }),
    },
    readyUrl: `http://127.0.0.1:${gatewayPort}/ready`,
  });
  line = await startTcpProxy({ targetPort: gatewayPort });
  context = await openBrowser();
  observer = await connectClient('observer', gatewayPort);
}, 120_000);

beforeEach(() => {
  line.heal();
});

afterAll(async () => {
  observer?.close();
  await context?.close();
  await line?.stop();
  await gateway?.stop();
  await redis?.stop();
  web?.close();
  if (profile !== undefined) await rm(profile, { recursive: true, force: true });
});

async function addressOf(channel: string, tab = 'first', more = {}): Promise<string> {
  const token = await tokenFor(`${channel}-user`);
  const url = `ws://127.0.0.1:${line.port}`;
  return `${origin}/?${new URLSearchParams({ channel, tab, token, url, ...more })}`;
}

const connected = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => typeof reloadPage === 'object' && reloadPage.client.state === 'connected');

async function openPage(channel: string, more = {}): Promise<Page> {
  const page = await context.newPage();
  await page.goto(await addressOf(channel, 'first', more));
  await connected(page);
  await page.evaluate(() => reloadPage.ready());
  return page;
}

const publish = (page: Page, ...texts: string[]) =>
  page.evaluate((all) => {
    for (const text of all) reloadPage.publish(text);
  }, texts);
const seenBy = async (page: Page) =>
  (await page.evaluate(() => reloadPage.seen())).map(([, , payload]) => payload);
/** Everything that is in the channel's log. */
async function logOf(channel: string): Promise<string[]> {
  const { messages } = await observer.history(channel, { limit: 1000 });
  return messages.map(({ payload }) => String(payload)).reverse();
}
/** Waits until the page's queue is in its storage. */
const savedAll = (page: Page, text: string) =>
  page.waitForFunction(
    (payload) => Object.values(localStorage).some((item) => String(item).includes(`\\"${payload}\\"`)),
    text,
  );
const settled = (page: Page) => page.waitForFunction(() => reloadPage.client.pendingPublishes === 0);

async function crash(page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash');
  await page.goto('chrome://crash').catch(() => undefined);
  await crashed;
}

/** The browser itself, not one of its children. */
function browserProcess(): number {
  const pid = descendantsOf(process.pid).find((candidate) => {
    const command = readFileSync(`/proc/${candidate}/cmdline`, 'utf8');
    return command.includes(`--user-data-dir=${profile}`) && !command.includes('--type=');
  });
  if (pid === undefined) throw new Error('There is no browser');
  return pid;
}

const WAITING = Array.from({ length: 10 }, (_, n) => `waiting ${n}`);
const MISSED = Array.from({ length: 60 }, (_, n) => `missed ${n}`);

/** A page has seen something, has published while the line was cut, and saved that. */
async function pageThatWaits(channel: string): Promise<Page> {
  const page = await openPage(channel);
  await publish(page, 'seen');
  await settled(page);
  line.refuse();
  await publish(page, ...WAITING);
  await savedAll(page, WAITING.at(-1)!);
  return page;
}

/** It is back: nothing is lost, nothing doubled. */
async function expectWhole(page: Page, channel: string): Promise<void> {
  line.heal();
  await connected(page);
  await settled(page);
  const log = await logOf(channel);
  expect([...log].sort()).toEqual(['seen', ...WAITING, ...MISSED].sort());
  expect(log.filter((text) => text.startsWith('waiting'))).toEqual(WAITING);
  await eventually(async () => (await seenBy(page)).length >= log.length, { what: 'all is seen' });
  expect(await seenBy(page)).toEqual(log);
}

async function missAll(channel: string): Promise<void> {
  for (const text of MISSED) await observer.publish(channel, text);
}

describe('a page whose end no code of it sees', { timeout: 120_000 }, () => {
  it('goes on in a browser that was killed and restores its tabs', async () => {
    const channel = 'lives:killed';
    const page = await pageThatWaits(channel);
    // The browser writes its own files within seconds; what is in them is all that it has after a kill.
    await page.waitForTimeout(12_000);
    const closed = context.waitForEvent('close');
    process.kill(browserProcess(), 'SIGKILL');
    await closed;
    await missAll(channel);
    context = await openBrowser();
    await eventually(() => context.pages().some((restored) => restored.url().includes('channel=')), {
      what: 'the tab is restored',
      timeoutMs: 30_000,
    });
    const restored = context.pages().find((candidate) => candidate.url().includes('channel='))!;
    await expectWhole(restored, channel);
    await restored.close();
  });

  it('that does not come back in time: what it had is told to another one', async () => {
    const channel = 'lives:left';
    const page = await openPage(channel);
    line.refuse();
    await publish(page, ...WAITING);
    await savedAll(page, WAITING.at(-1)!);
    await crash(page);
    await page.close();
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // older than the next one allows
    line.heal();
    const next = await openPage(channel, { maxAgeMs: '1000', tab: 'next' });
    await next.waitForFunction(() => reloadPage.discarded().length > 0);
    expect(await next.evaluate(() => reloadPage.discarded())).toEqual([['too-old', WAITING]]);
    await next.close();
  });
});

describe('two tabs that begin with the same storage', { timeout: 120_000 }, () => {
  it('and both go back to the page send what each of them had', async () => {
    const channel = 'lives:back';
    const first = await openPage(channel);
    await first.goto(`${origin}/other`);
    const opened = context.waitForEvent('page');
    // A tab that is opened by another one begins with a copy of its sessionStorage, as a duplicated one does.
    await first.evaluate((address) => {
      (globalThis as unknown as { open(url: string): void }).open(address);
    }, `${origin}/other?second`);
    const second = await opened;
    await second.waitForLoadState();
    line.refuse();
    for (const [page, tab] of [
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      await page.goto(await addressOf(channel, tab));
      await publish(page, ...['1', '2', '3', '4', '5'].map((n) => `${tab} ${n}`));
      await savedAll(page, `${tab} 5`);
    }
    for (const page of [first, second]) await page.goto(`${origin}/other?left`);
    line.heal();
    for (const [page, tab] of [
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      await page.goto(await addressOf(channel, tab));
      await connected(page);
      await settled(page);
    }
    const log = await logOf(channel);
    for (const tab of ['first', 'second'])
      expect(log.filter((text) => text.startsWith(tab))).toEqual(
        ['1', '2', '3', '4', '5'].map((n) => `${tab} ${n}`),
      );
    expect(log).toHaveLength(10);
    await first.close();
    await second.close();
  });
});

describe("a page in the browser's cache", { timeout: 120_000 }, () => {
  it('comes back alive, without a gap and without a double', async () => {
    const channel = 'lives:cache';
    const page = await pageThatWaits(channel);
    await page.evaluate(() => Object.assign(globalThis, { alive: true }));
    await page.goto(`${origin}/other`);
    await missAll(channel);
    await page.goBack({ waitUntil: 'commit' });
    expect(await page.evaluate(() => (globalThis as { alive?: boolean }).alive)).toBe(true);
    await expectWhole(page, channel);
    await page.close();
  });

  it('whose state another page went on with sends nothing twice', async () => {
    const channel = 'lives:taken';
    const page = await pageThatWaits(channel);
    await page.evaluate(() => Object.assign(globalThis, { alive: true }));
    await page.goto(await addressOf(channel, 'first', { again: '1' }));
    await missAll(channel);
    line.heal();
    await connected(page);
    await settled(page);
    await page.goBack({ waitUntil: 'commit' });
    expect(await page.evaluate(() => (globalThis as { alive?: boolean }).alive)).toBe(true);
    await expectLog(page, channel);
    await page.close();
  });

  it('connects at once when it is shown again, not when its pause is over', async () => {
    const channel = 'lives:shown';
    const page = await openPage(channel, { pauseMs: '600000' });
    line.refuse();
    await page.waitForFunction(() => reloadPage.client.state === 'waiting');
    line.heal();
    await page.goto(`${origin}/other`);
    await page.goBack({ waitUntil: 'commit' });
    await connected(page);
    await page.close();
  });
});

describe('a page that may not connect', { timeout: 60_000 }, () => {
  /** Why its next attempt failed, and how long that took to be known. */
  const reason = (page: Page) =>
    page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          reloadPage.client.on('reconnecting', ({ error }) => resolve(error.message));
        }),
    );

  it('because its policy forbids it is told so at once', async () => {
    const page = await context.newPage();
    const address = await addressOf('lives:policy');
    await page.goto(address.replace('/?', '/policy?'));
    expect(await reason(page)).toContain('Content-Security-Policy');
    await page.close();
  });

  it('because its origin is not allowed is told so, with the setting, and stays away', async () => {
    const page = await context.newPage();
    const address = await addressOf('lives:origin');
    await page.goto(address.replace('//127.0.0.1:', '//localhost:'));
    await page.waitForFunction(() => reloadPage.client.state === 'failed');
    const code = await page.evaluate(() =>
      reloadPage.client.publish('lives:origin', 1).catch(({ cause }) => `${cause.code}: ${cause.message}`),
    );
    expect(code).toMatch(/^ORIGIN_REFUSED: Pages of http:\/\/localhost:.*CARILLON_ALLOWED_ORIGINS/);
    await page.close();
  });

  it('because nobody listens is told the address and what the cause may be', async () => {
    const page = await context.newPage();
    line.refuse();
    await page.goto(await addressOf('lives:nobody'));
    const text = await reason(page);
    expect(text).toContain(`ws://127.0.0.1:${line.port}/v1/ws: nothing listens there`);
    expect(text).not.toContain('token=');
    await page.close();
  });
});

async function expectLog(page: Page, channel: string): Promise<void> {
  await connected(page);
  await settled(page);
  expect((await logOf(channel)).filter((text) => text.startsWith('waiting'))).toEqual(WAITING);
}
