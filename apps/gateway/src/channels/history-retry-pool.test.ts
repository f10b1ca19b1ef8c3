import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HistoryRetryPool } from './history-retry-pool.ts';
import type { MissingRead } from './read-missing.ts';

const AWAY: MissingRead = { reason: 'history-unavailable' };
const PAGE: MissingRead = { entries: [{ epoch: 'e', seq: 1, record: '' }] };

/** A history that can be away, and counts what it is asked. */
class History {
  isAway = true;
  reads = 0;
  atOnce = 0;
  most = 0;

  readonly read = async (): Promise<MissingRead> => {
    this.reads++;
    this.atOnce++;
    this.most = Math.max(this.most, this.atOnce);
    await pause(1);
    this.atOnce--;
    return this.isAway ? AWAY : PAGE;
  };
}

const waitFor = (reads: HistoryRetryPool, history: History, count: number, patienceMs: number) =>
  Promise.all(Array.from({ length: count }, () => reads.read(history.read, { patienceMs })));

describe('reads while history is away', () => {
  it('[SU8] are few, however many wait', async () => {
    const history = new History();
    const pages = await waitFor(new HistoryRetryPool(), history, 5000, 1500);
    expect(pages.every((page) => page === AWAY)).toBe(true);
    // Each once, and 64 of them with pauses of 50 to 100, 100 to 200, ... ms.
    expect(history.reads).toBeLessThan(5000 + 64 * 30);
  });

  it('[SU8] succeed for all soon after it is back', async () => {
    const history = new History();
    const reads = new HistoryRetryPool();
    const all = waitFor(reads, history, 2000, 20_000);
    await pause(500);
    history.isAway = false;
    history.most = 0;
    const pages = await all;
    expect(pages.every((page) => page === PAGE)).toBe(true);
    expect(history.most).toBeLessThanOrEqual(64);
    expect(history.reads).toBeLessThan(5000);
  });

  it('end when nobody waits any more', async () => {
    const history = new History();
    let isWanted = true;
    const page = new HistoryRetryPool().read(history.read, { patienceMs: 60_000, isWanted: () => isWanted });
    isWanted = false;
    expect(await page).toBe(AWAY);
    expect(history.reads).toBe(1);
  });
});
