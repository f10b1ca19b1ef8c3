import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Health } from './health.ts';

let health: Health;
beforeEach(() => {
  vi.useFakeTimers();
  health = new Health();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('readiness', () => {
  it('names every check that fails, and why', async () => {
    health.add('redis', async () => {
      throw new Error('connect ECONNREFUSED redis://u:s3cret@h');
    });
    health.add('postgres', async () => 'pool is exhausted');
    health.add('feed', async () => undefined);
    health.add('lag', () => '');
    expect(await health.report()).toEqual({
      ready: false,
      degraded: false,
      checks: {
        redis: { ok: false, problem: 'connect ECONNREFUSED redis://u:[redacted]@h' },
        postgres: { ok: false, problem: 'pool is exhausted' },
        feed: { ok: true },
        lag: { ok: true },
      },
    });
  });

  it('survives a check that throws at once, or rejects with what is no error', async () => {
    health.add('a', () => {
      throw new TypeError('broken check');
    });
    health.add('b', () => Promise.reject('text'));
    const { checks } = await health.report();
    expect(checks).toEqual({
      a: { ok: false, problem: 'broken check' },
      b: { ok: false, problem: 'text' },
    });
  });

  it('is degraded when only something fails that the service can do without', async () => {
    health.add('history', async () => 'Postgres is away', { affects: 'nothing' });
    expect(await health.report()).toMatchObject({ ready: true, degraded: true });
  });

  it('follows a check that is removed', async () => {
    const remove = health.add('start', () => 'waiting');
    expect((await health.report()).ready).toBe(false);
    remove();
    expect(await health.report()).toEqual({ ready: true, degraded: false, checks: {} });
  });
});

describe('liveness', () => {
  it('asks only what a restart would help', async () => {
    const redis = vi.fn(async () => 'away');
    health.add('redis', redis);
    expect(await health.liveness()).toEqual({ live: true, checks: {} });
    expect(redis).not.toHaveBeenCalled();
    health.add('loop', () => 'given up', { affects: 'live' });
    expect(await health.liveness()).toMatchObject({ live: false });
    expect((await health.report()).ready).toBe(false);
  });
});

describe('checks', () => {
  it('are asked once for many scrapes, and again after half a second', async () => {
    const check = vi.fn(async () => undefined);
    health.add('redis', check);
    await Promise.all(Array.from({ length: 50 }, () => health.report()));
    await health.report();
    expect(check).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(501);
    await health.report();
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('that answer without a promise are always up to date', async () => {
    let problem: string | undefined = 'starting';
    health.add('lifecycle', () => problem);
    expect((await health.report()).ready).toBe(false);
    problem = undefined;
    expect((await health.report()).ready).toBe(true);
  });

  it('that hang are given up after their time, told by signal, and not asked again while they hang', async () => {
    const hanging = Promise.withResolvers<undefined>();
    const check = vi.fn((_signal: AbortSignal) => hanging.promise);
    health.add('redis', check, { timeoutMs: 100 });
    const problemAfter = async (ms: number) => {
      const report = health.report();
      await vi.advanceTimersByTimeAsync(ms);
      return (await report).checks.redis?.problem;
    };
    expect(await problemAfter(100)).toBe('did not answer within 100 ms');
    expect(check.mock.calls[0]?.[0].aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await problemAfter(0)).toMatch(/^has not answered for 10\d{3} ms$/);
    expect(check).toHaveBeenCalledTimes(1);
    hanging.resolve(undefined);
    await vi.advanceTimersByTimeAsync(501);
    expect(await problemAfter(0)).toBeUndefined();
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('have one name each, and there are not endlessly many', () => {
    health.add('a', () => undefined);
    expect(() => health.add('a', () => undefined)).toThrow('two health checks named a');
    expect(() => {
      for (let i = 0; i < 300; i++) health.add(`check ${i}`, () => undefined);
    }).toThrow('more than 200');
  });
});
