import { METRICS, metricsJson } from '@carillon/telemetry';
import { expect, it, vi } from 'vitest';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';
import { type LoopOptions, SupervisedLoop } from './supervise-loop.ts';

const QUICK = { initialMs: 1, maxMs: 2 };
/** For what never happens, not for what is slow: a second, as it is by itself, is little for five pauses on a busy machine. */
const PATIENT = { timeout: 20_000 };
const AWAY = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

function loopOf(options: Pick<LoopOptions, 'run'> & Partial<LoopOptions>) {
  const { telemetry, lines } = recordedTelemetry();
  const restarts = telemetry.metrics.counters(METRICS.loopRestarts);
  const loop = new SupervisedLoop({ name: 'reader', backoff: QUICK, ...options }, telemetry, restarts);
  const restartCount = () => metricsJson(telemetry.metrics)[METRICS.loopRestarts.name]?.samples[0]?.value;
  return { loop, lines, restartCount };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

it('restarts a loop that throws, counts it, says so, and is well again after progress', async () => {
  const working = Promise.withResolvers<void>();
  let runs = 0;
  const { loop, lines, restartCount } = loopOf({
    run: async (signal, progress) => {
      if (++runs <= 3) throw new Error(`fault ${runs}`);
      expect(loop.status).toMatchObject({ state: 'failing', failuresInARow: 3, lastError: 'fault 3' });
      progress();
      working.resolve();
      await untilAborted(signal);
    },
  });
  loop.start();
  await working.promise;
  expect(loop.status).toEqual({
    name: 'reader',
    state: 'running',
    failuresInARow: 0,
    lastError: undefined,
  });
  expect(restartCount()).toBe(3);
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn', 'info']);
  await loop.stop();
  expect(loop.status.state).toBe('stopped');
});

it('runs nothing before what it starts after', async () => {
  const { promise: startsAfter, resolve } = Promise.withResolvers<void>();
  const run = vi.fn(untilAborted);
  const { loop } = loopOf({ run, startsAfter });
  loop.start();
  await new Promise(setImmediate);
  expect(run).not.toHaveBeenCalled();
  resolve();
  await vi.waitFor(() => expect(run).toHaveBeenCalledOnce(), PATIENT);
  await loop.stop();
});

it('ends when it is stopped while it waits for what it starts after', async () => {
  const run = vi.fn(untilAborted);
  const { loop } = loopOf({ run, startsAfter: new Promise(() => undefined) });
  loop.start();
  await loop.stop();
  expect(run).not.toHaveBeenCalled();
});

it('gives a loop up that fails five times in a row for a reason that waiting does not cure', async () => {
  const run = vi.fn(async () => {
    throw new TypeError('x is undefined');
  });
  const { loop, lines, restartCount } = loopOf({ run });
  loop.start();
  await vi.waitFor(() => expect(loop.status.state).toBe('given-up'), PATIENT);
  expect(run).toHaveBeenCalledTimes(5);
  expect(restartCount()).toBe(4);
  expect(lines.at(-1)).toMatchObject({ level: 'fatal', loop: 'reader', failures: 5 });
  await loop.stop();
  expect(run).toHaveBeenCalledTimes(5);
});

it('is critical in an outage, goes on trying, and recovers', async () => {
  const recovered = Promise.withResolvers<void>();
  let runs = 0;
  const seen = new Set<string>();
  const { loop, lines } = loopOf({
    run: async (signal, progress) => {
      seen.add(loop.status.state);
      if (++runs <= 8) throw new Error('reading failed', { cause: AWAY });
      progress();
      recovered.resolve();
      await untilAborted(signal);
    },
  });
  loop.start();
  await recovered.promise;
  expect([...seen]).toEqual(['running', 'failing', 'critical']);
  expect(loop.status.state).toBe('running');
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  await loop.stop();
});

it.each([
  ['retry', new TypeError('bug'), 'critical'],
  ['stop', AWAY, 'given-up'],
] as const)('does as onCritical %s says', async (onCritical, error, state) => {
  const run = async () => {
    throw error;
  };
  const { loop } = loopOf({ run, onCritical: () => onCritical });
  loop.start();
  await vi.waitFor(() => expect(loop.status.state).toBe(state), PATIENT);
  await loop.stop();
});

it('counts failures in a row only: a run that lasted is progress', async () => {
  let runs = 0;
  const { loop } = loopOf({
    healthyAfterMs: 5,
    run: async () => {
      runs++;
      await vi.waitFor(() => expect(loop.status.failuresInARow).toBe(0), { ...PATIENT, interval: 1 });
      throw new TypeError('after a while');
    },
  });
  loop.start();
  await vi.waitFor(() => expect(runs).toBeGreaterThan(6), { ...PATIENT, interval: 5 });
  expect(loop.status.state).not.toBe('given-up');
  await loop.stop();
});

it('takes an end that nobody asked for as a failure, so that it can not spin', async () => {
  const run = vi.fn(async () => undefined);
  const { loop } = loopOf({ run });
  loop.start();
  await vi.waitFor(() => expect(loop.status.state).toBe('given-up'), PATIENT);
  expect(run).toHaveBeenCalledTimes(5);
  expect(loop.status.lastError).toBe('reader ended although nobody asked it to');
});

it('repeats a round every so often, and does not wait for it when it is stopped', async () => {
  const run = vi.fn(async () => undefined);
  const { loop } = loopOf({ run, everyMs: 1 });
  loop.start();
  await vi.waitFor(() => expect(run.mock.calls.length).toBeGreaterThan(5), PATIENT);
  expect(loop.status.state).toBe('running');
  await loop.stop();

  const slow = loopOf({ run, everyMs: 3_600_000 });
  slow.loop.start();
  await vi.waitFor(() => expect(run).toHaveBeenCalled(), PATIENT);
  await slow.loop.stop();
});

it('ends during a backoff when it is stopped, and does not count what fails because of that', async () => {
  const failing = loopOf({
    run: async () => {
      throw AWAY;
    },
    backoff: { initialMs: 3_600_000, maxMs: 3_600_000 },
  });
  failing.loop.start();
  await vi.waitFor(() => expect(failing.loop.status.state).toBe('failing'), PATIENT);
  await failing.loop.stop();
  expect(failing.restartCount()).toBe(0);

  const aborted = loopOf({
    run: async (signal) => {
      await untilAborted(signal);
      throw new Error('aborted');
    },
  });
  aborted.loop.start();
  await aborted.loop.stop();
  expect(aborted.lines).toEqual([]);
});

it('can be stopped before it is started, and started once only', async () => {
  const run = vi.fn(untilAborted);
  const { loop } = loopOf({ run });
  await loop.stop();
  loop.start();
  await loop.stop();
  expect(run).not.toHaveBeenCalled();

  const twice = loopOf({ run });
  twice.loop.start();
  twice.loop.start();
  await twice.loop.stop();
  expect(run).toHaveBeenCalledTimes(1);
});
