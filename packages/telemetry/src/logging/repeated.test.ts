import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RepeatedLog } from './repeated.ts';

let lines: { msg: string; repeated?: number; level: number }[];
let log: RepeatedLog;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  lines = [];
  log = new RepeatedLog(pino({}, { write: (line) => lines.push(JSON.parse(line)) }), 1000);
});
afterEach(() => {
  vi.useRealTimers();
});

it('logs the same trouble once per interval and says how often it happened', () => {
  for (let i = 0; i < 5; i++) log.warn({ err: new Error('away') }, 'reading failed');
  expect(lines).toHaveLength(1);
  vi.advanceTimersByTime(1001);
  log.warn({ err: new Error('away') }, 'reading failed');
  expect(lines.map(({ repeated }) => repeated)).toEqual([undefined, 4]);
});

it('logs another trouble at once', () => {
  log.warn({ err: new Error('away') }, 'reading failed');
  log.warn({ err: new Error('no permission') }, 'reading failed');
  log.error({}, 'writing failed');
  expect(lines.map(({ msg }) => msg)).toEqual(['reading failed', 'reading failed', 'writing failed']);
});

it('takes errors with the same code for the same', () => {
  for (const port of [1, 2, 3])
    log.warn({ err: Object.assign(new Error(`connect :${port}`), { code: 'ECONNREFUSED' }) }, 'away');
  expect(lines).toHaveLength(1);
});

it('keeps few kinds of trouble in memory', () => {
  for (let i = 0; i < 100; i++) log.warn({}, `trouble ${i}`);
  log.warn({}, 'trouble 99');
  expect(lines).toHaveLength(100);
  log.warn({}, 'trouble 0');
  expect(lines, 'the oldest is forgotten').toHaveLength(101);
});

it('logs at once after a reset', () => {
  log.warn({}, 'away');
  log.reset();
  log.warn({}, 'away');
  expect(lines).toHaveLength(2);
});
