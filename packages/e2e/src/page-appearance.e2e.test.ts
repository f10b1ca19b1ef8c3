/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** How the page of `carillon dev` looks on a phone, in both themes: what can be seen, read and reached. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, freePort, type ServerProcess, startProcess } from '@carillon/testing';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../../apps/cli/bin/carillon.js', import.meta.url));
const PHONE = { width: 390, height: 664 };
const TIMEOUT = { timeout: 120_000 };

describe.each(['light', 'dark'] as const)('the page on a phone, %s', (colorScheme) => {
  let dataDir: string;
  let instance: ServerProcess;
  let browser: Browser;
  let url: string;
  let page: Page;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'carillon-page-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    instance = await startProcess({
      command: process.execPath,
      args: [BIN, 'dev'],
      env: {
        CARILLON_DATA_DIR: dataDir,
        CARILLON_GATEWAY_PORT: String(await freePort()),
        CARILLON_ADMIN_PORT: String(port),
      },
      readyPattern: /In another terminal/,
    });
    browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await instance?.stop();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
  });

  beforeEach(async () => {
    // Without it colours are judged in the middle of a transition.
    page = await browser.newPage({ colorScheme, viewport: PHONE, reducedMotion: 'reduce' });
    await page.goto(url);
    for (const user of ['ada', 'grace'])
      await page.locator(`[data-user=${user}] [data-state=connected]`).waitFor();
  });
  afterEach(() => page.close());

  const play = () => page.getByRole('button', { name: 'Play it through' }).click();
  const played = () => page.getByRole('button', { name: 'Play it through' }).waitFor();
  const cut = () => page.locator('.pane.cut').waitFor();

  /** Violations reported by axe, with the elements. */
  const complaints = async (): Promise<readonly string[]> => {
    await page.evaluate(axe.source);
    return await page.evaluate(async () => {
      const { axe: inPage } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await inPage.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    });
  };

  it('shows the newest events, after as many as its log has room for', TIMEOUT, async () => {
    await page.setViewportSize({ width: 1280, height: 820 });
    await play();
    await played();
    const grace = page.locator('[data-user=grace] .log');
    expect(await grace.locator('li').count()).toBeGreaterThan(5);
    expect(await grace.locator('li').first().textContent()).toContain('recovered');
    expect(await grace.evaluate(({ scrollTop }) => scrollTop)).toBe(0);
  });

  it('shows places that no message has yet', TIMEOUT, async () => {
    // The edge of an empty place, or what it is filled with, against the sheet that it lies on.
    const contrast = await page.evaluate(() => {
      const channels = (color: string): number[] =>
        color
          .match(/[\d.]+/g)!
          .slice(0, 3)
          .map(Number);
      const luminance = (color: string): number => {
        const [r, g, b] = channels(color).map((value) => {
          const part = value / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      const { boxShadow, backgroundColor } = getComputedStyle(document.querySelector('.cell-future')!);
      const sheet = luminance(getComputedStyle(document.querySelector('.roll')!).backgroundColor);
      const shown = luminance(boxShadow === 'none' ? backgroundColor : boxShadow);
      return (Math.max(sheet, shown) + 0.05) / (Math.min(sheet, shown) + 0.05);
    });
    expect(contrast).toBeGreaterThan(2);
  });

  it('has nothing that axe complains of: at rest, with a line cut, and after it', TIMEOUT, async () => {
    expect(await complaints()).toEqual([]);
    await play();
    await cut();
    expect(await complaints()).toEqual([]);
    await played();
    expect(await complaints()).toEqual([]);
  });

  it('shows both panes while it plays, with the newest message of each', TIMEOUT, async () => {
    await play();
    await cut();
    for (const user of ['ada', 'grace']) {
      const pane = page.locator(`[data-user=${user}]`);
      const box = (await pane.boundingBox())!;
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height).toBeLessThanOrEqual(PHONE.height);
      const newest = (await pane.locator('.message').last().boundingBox())!;
      expect(newest.y + newest.height).toBeLessThanOrEqual(box.y + box.height);
      expect((await pane.locator('.messages').boundingBox())!.height).toBeGreaterThan(60);
    }
    await played();
  });

  it('has no text below 12 px, and no event cut in the middle of a line', TIMEOUT, async () => {
    const found = await page.evaluate(() => {
      const small: string[] = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const sizePx = Number.parseFloat(getComputedStyle(node.parentElement!).fontSize);
        if (node.textContent!.trim() !== '' && sizePx < 12) small.push(`${sizePx} ${node.textContent}`);
      }
      const crossing: string[] = [];
      for (const log of document.querySelectorAll('.log')) {
        const { bottom } = log.getBoundingClientRect();
        for (const entry of log.children) {
          const range = document.createRange();
          range.selectNodeContents(entry);
          for (const line of range.getClientRects())
            if (line.top < bottom - 1 && line.bottom > bottom + 1) crossing.push(entry.textContent!);
        }
      }
      return { small, crossing };
    });
    expect(found).toEqual({ small: [], crossing: [] });
  });

  it('leads to the documentation and to the code of what it shows', TIMEOUT, async () => {
    const links = page.locator('.reading a');
    const addresses = await links.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
    expect(addresses.length).toBeGreaterThan(3);
    for (const address of addresses) {
      const answer = await fetch(address);
      expect([address, answer.status, answer.headers.get('content-type')]).toEqual([
        address,
        200,
        'text/plain; charset=utf-8',
      ]);
    }
    expect(addresses.filter((address) => address.endsWith('.md.txt'))).not.toEqual([]);
    expect(addresses.filter((address) => address.endsWith('.ts.txt'))).not.toEqual([]);
  });
});
