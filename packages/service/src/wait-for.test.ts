import { expect, it, vi } from 'vitest';
import { Health } from './health.ts';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';
import { waitFor } from './wait-for.ts';

const QUICK = { initialMs: 1, maxMs: 2 };

it('tries until it is there, says what it waits for, and is not ready meanwhile', async () => {
  const { telemetry, lines } = recordedTelemetry();
  const health = new Health();
  let attempts = 0;
  const problems: (string | undefined)[] = [];
  await waitFor({
    what: 'Redis at cache:6379',
    telemetry,
    health,
    backoff: QUICK,
    attempt: async () => {
      problems.push((await health.report()).checks['start: Redis at cache:6379']?.problem);
      if (++attempts < 4) throw new Error('connect ECONNREFUSED');
    },
  });
  expect(attempts).toBe(4);
  expect(problems).toEqual([undefined, ...Array(3).fill('waiting: connect ECONNREFUSED')]);
  expect((await health.report()).checks).toEqual({});
  expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    'warn waiting for Redis at cache:6379',
    'info Redis at cache:6379 is there',
  ]);
});

it('says nothing when it is there at once', async () => {
  const { telemetry, lines } = recordedTelemetry();
  await waitFor({ what: 'Redis', telemetry, attempt: async () => 'PONG' });
  expect(lines).toEqual([]);
});

it('gives an attempt up that hangs, and tells it', async () => {
  const { telemetry, lines } = recordedTelemetry();
  const signals: AbortSignal[] = [];
  await waitFor({
    what: 'Redis',
    telemetry,
    backoff: QUICK,
    attemptTimeoutMs: 5,
    attempt: async (signal) => {
      signals.push(signal);
      if (signals.length < 3) await new Promise(() => undefined);
    },
  });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
  expect(lines[0]?.err).toMatchObject({ message: 'no answer within 5 ms' });
});

it.each([
  [
    'a pause',
    async () => {
      throw new Error('away');
    },
  ],
  ['an attempt', () => new Promise<void>(() => undefined)],
])('ends during %s when it is aborted', async (_when, behaviour) => {
  const { telemetry } = recordedTelemetry();
  const abort = new AbortController();
  const attempt = vi.fn(behaviour);
  const backoff = { initialMs: 3_600_000, maxMs: 3_600_000 };
  const waiting = waitFor({ what: 'Redis', telemetry, backoff, signal: abort.signal, attempt });
  await vi.waitFor(() => expect(attempt).toHaveBeenCalled(), { timeout: 20_000 });
  abort.abort();
  await expect(waiting).rejects.toThrow('gave up waiting for Redis');
});

it('does not even try when it is aborted already', async () => {
  const { telemetry } = recordedTelemetry();
  const attempt = vi.fn(async () => undefined);
  const waiting = waitFor({ what: 'Redis', telemetry, attempt, signal: AbortSignal.abort() });
  await expect(waiting).rejects.toThrow('gave up');
  expect(attempt).not.toHaveBeenCalled();
});

it('does not wait after an error that no waiting mends', async () => {
  const { telemetry, lines } = recordedTelemetry();
  let attempts = 0;
  const attempt = async (): Promise<never> => {
    throw new Error(++attempts < 3 ? 'away' : 'wrong setting');
  };
  const isFinal = (error: Error): boolean => error.message === 'wrong setting';
  const waiting = waitFor({ what: 'Redis', telemetry, backoff: QUICK, attempt, isFinal });
  await expect(waiting).rejects.toThrow('wrong setting');
  expect(attempts).toBe(3);
  expect(lines).toHaveLength(1);
});
