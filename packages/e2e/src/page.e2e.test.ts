/** The page of `carillon dev` in a real browser: two people chat, a line is cut, what was missed comes back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A line that was cut mends itself after this: too soon where something stands still while others talk. */
const CUT_MS = 5_000;
const BIN = fileURLToPath(new URL('../../../apps/cli/bin/carillon.js', import.meta.url));

describe('the page', () => {
  let dataDir: string;
  let instance: ServerProcess;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  const person = (name: 'ada' | 'grace') => page.locator(`[data-user=${name}]`);
  const texts = (name: 'ada' | 'grace'): Promise<string[]> =>
    person(name).locator('.message .text').allTextContents();
  const say = async (name: 'ada' | 'grace', text: string): Promise<void> => {
    await person(name).getByRole('textbox').fill(text);
    await person(name).getByRole('textbox').press('Enter');
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'carillon-page-'));
    const port = await freePort();
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
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.addInitScript((cutMs) => {
      const setRealTimeout = globalThis.setTimeout;
      const setPatientTimeout = (run: () => void, delayMs?: number, ...rest: []) =>
        setRealTimeout(run, delayMs === cutMs ? 600_000 : delayMs, ...rest);
      globalThis.setTimeout = setPatientTimeout as typeof setTimeout;
    }, CUT_MS);
    await page.goto(`http://127.0.0.1:${port}/`);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await instance?.stop();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
  });

  it('connects both panes, and what one says both read', { timeout: 120_000 }, async () => {
    for (const name of ['ada', 'grace'] as const)
      await person(name).locator('[data-state=connected]').waitFor();
    await say('ada', 'Is the line good?');
    await person('grace').getByText('Is the line good?').waitFor();
    await say('grace', 'It is.');
    for (const name of ['ada', 'grace'] as const) await person(name).getByText('It is.').waitFor();
  });

  it('gives back what was said while a line was cut, in order, without a gap', {
    timeout: 120_000,
  }, async () => {
    await person('grace')
      .getByRole('button', { name: /Cut the line/ })
      .click();
    const mend = person('grace').getByRole('button', { name: 'Mend the line' });
    await mend.waitFor();
    for (const text of ['one', 'two', 'three']) await say('ada', text);
    await person('ada').getByText('three').waitFor();
    expect(await person('grace').getByText('three').count()).toBe(0);
    await mend.click();
    const note = person('grace').locator('.recovery[data-missed="3"][data-arrived="3"]');
    await note.waitFor();
    const expected = ['Is the line good?', 'It is.', 'one', 'two', 'three'];
    expect(await texts('grace')).toEqual(expected);
    expect(await texts('ada')).toEqual(expected);
    for (const name of ['ada', 'grace'] as const)
      expect(await person(name).locator('[data-figure=gaps] dd').textContent()).toBe('0');
  });

  it('shows the whole of both panes in a low window too, where the page scrolls', {
    timeout: 120_000,
  }, async () => {
    const hidden = () =>
      page
        .locator('.pane')
        .evaluateAll((panes) => panes.map((pane) => pane.scrollHeight - pane.clientHeight));
    for (const [width, height] of [
      [1366, 650],
      [800, 600],
    ] as const) {
      await page.setViewportSize({ width, height });
      expect([width, await hidden()]).toEqual([width, [0, 0]]);
    }
  });

  it('breaks nothing in the page', () => {
    expect(problems).toEqual([]);
  });
});
