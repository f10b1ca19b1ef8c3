import { expect, it } from 'vitest';
import { judge } from './judge-answers.ts';
import type { SentinelAnswer } from './sentinel-link.ts';

const says = (host: string, configEpoch: number): SentinelAnswer => ({
  primary: { host, port: 6379 },
  configEpoch,
});

it('the newest failover counts, even when one sentinel alone knows of it', () => {
  expect(judge([says('a', 3), says('b', 4), says('a', 3)], undefined, 3).primary.host).toBe('b');
  expect(judge([says('a', 3), says('b', 4), says('a', 3)], says('a', 3), 3).primary.host).toBe('b');
});

it('of answers with the same number the most common one counts', () => {
  expect(judge([says('a', 0), says('b', 0), says('b', 0)], undefined, 3).primary.host).toBe('b');
  expect(judge([says('b', 0), says('b', 0), says('a', 0)], undefined, 3).primary.host).toBe('b');
});

it('nothing older replaces what is known, however many of those that can be reached say it', () => {
  expect(judge([says('a', 3)], says('b', 4), 3).primary.host).toBe('b');
  expect(judge([says('a', 4)], says('b', 4), 3).primary.host).toBe('b');
});

it('sentinels that were set up anew are followed when they are a majority', () => {
  expect(judge([says('c', 0), says('c', 0)], says('b', 4), 3).primary.host).toBe('c');
  expect(judge([says('c', 0)], says('b', 4), 1).primary.host).toBe('c');
});
