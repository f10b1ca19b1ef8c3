import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LogOutput } from './log-output.ts';

let written = '';
let fault: string | undefined;
const output = () =>
  new LogOutput((bytes, offset) => {
    if (fault !== undefined) throw Object.assign(new Error(fault), { code: fault });
    // Never all at once.
    const part = bytes.subarray(offset, offset + 7);
    written += part.toString();
    return part.length;
  });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  written = '';
  fault = undefined;
});
afterEach(() => {
  vi.useRealTimers();
});

it('writes each line as a whole', () => {
  const log = output();
  log.write('a line of some length\n');
  expect(written).toBe('a line of some length\n');
  expect(log.fault).toBeUndefined();
});

it('goes on when the disk is full, counts what is missing and says so afterwards', () => {
  const log = output();
  log.write('before\n');
  fault = 'ENOSPC';
  for (let i = 0; i < 5; i++) log.write(`lost ${i}\n`);
  expect(log).toMatchObject({ lost: 5, fault: 'ENOSPC' });
  fault = undefined;
  log.write('too early to try\n');
  expect(log.lost).toBe(6);
  vi.advanceTimersByTime(1001);
  log.write('after\n');
  const [before, notice, after] = written.trim().split('\n');
  expect([before, after]).toEqual(['before', 'after']);
  expect(JSON.parse(notice!)).toMatchObject({ level: 'error', lost: 6, code: 'ENOSPC' });
  expect(log).toMatchObject({ lost: 6, fault: undefined });
});
