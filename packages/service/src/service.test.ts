import { prometheusText } from '@carillon/telemetry';
import { describe, expect, it, vi } from 'vitest';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';
import { type Part, ServiceShell, ServiceStartError } from './service.ts';

/** For what never happens, not for what is slow: by itself vi.waitFor gives up after a second. */
const PATIENT = { timeout: 20_000 };

function shellWith(...parts: Part[]) {
  const { telemetry, lines } = recordedTelemetry('gateway');
  const shell = new ServiceShell(telemetry);
  for (const part of parts) shell.add(part);
  return { shell, lines, telemetry };
}

/** A part that writes down what happens to it. */
function recording(log: string[], name: string, own: Partial<Part> = {}): Part {
  return {
    name,
    start: async () => {
      log.push(`start ${name}`);
    },
    stop: async () => {
      log.push(`stop ${name}`);
    },
    ...own,
  };
}

const fail = (message: string) => async () => {
  throw new Error(message);
};

describe('start', () => {
  it('starts the parts in order and is ready only then', async () => {
    const log: string[] = [];
    const starting = Promise.withResolvers<void>();
    const { shell } = shellWith(recording(log, 'broker'), { name: 'feed', start: () => starting.promise });
    const problem = async () => (await shell.health.report()).checks.lifecycle?.problem;
    const started = shell.start();
    expect(await problem()).toBe('the service is starting');
    starting.resolve();
    await started;
    expect(await problem()).toBeUndefined();
    await shell.stop();
    expect(await problem()).toBe('the service is stopped');
    expect(log).toEqual(['start broker', 'stop broker']);
  });

  it('that fails names the part and the reason, and stops what was started in reverse order', async () => {
    const log: string[] = [];
    const { shell } = shellWith(
      recording(log, 'broker'),
      recording(log, 'feed'),
      recording(log, 'listener', { start: fail('port 8080 is taken') }),
      recording(log, 'never'),
    );
    const error = await shell.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceStartError);
    expect(error).toMatchObject({
      message: 'gateway could not start listener: port 8080 is taken',
      code: 'SERVICE_START_FAILED',
      retryable: false,
      part: 'listener',
      cause: { message: 'port 8080 is taken' },
    });
    expect(log).toEqual(['start broker', 'start feed', 'stop feed', 'stop broker']);
  });

  it('is ended by a stop: the part that is starting is told, later ones are not started', async () => {
    const log: string[] = [];
    const waiting: Part = {
      name: 'waiting for Redis',
      start: (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const { shell } = shellWith(recording(log, 'broker'), waiting, recording(log, 'never'));
    const started = shell.start().catch((error: unknown) => error);
    await vi.waitFor(() => expect(log).toEqual(['start broker']), PATIENT);
    await shell.stop();
    expect(await started).toMatchObject({ part: 'waiting for Redis' });
    expect(log).toEqual(['start broker', 'stop broker']);
  });

  it('that ends well although a stop has begun leaves nothing running', async () => {
    const log: string[] = [];
    const slow = Promise.withResolvers<void>();
    const { shell } = shellWith(
      recording(log, 'deaf', { start: () => slow.promise }),
      recording(log, 'next'),
    );
    const started = shell.start().catch((error: unknown) => error);
    const stopped = shell.stop();
    slow.resolve();
    await stopped;
    expect(await started).toBeInstanceOf(ServiceStartError);
    expect(log).toEqual(['stop deaf']);
  });
});

describe('stop', () => {
  it('stops every part although one fails and another hangs, and names both', async () => {
    const log: string[] = [];
    const { shell, lines } = shellWith(
      recording(log, 'first'),
      recording(log, 'failing', { stop: fail('already closed') }),
      recording(log, 'hanging', { stop: () => new Promise(() => undefined), stopTimeoutMs: 5 }),
      { name: 'without stop' },
    );
    await shell.start();
    await shell.stop();
    expect(log.at(-1)).toBe('stop first');
    expect(lines).toMatchObject([
      { level: 'error', part: 'hanging', stopTimeoutMs: 5 },
      { level: 'error', part: 'failing', err: { message: 'already closed' } },
    ]);
  });

  it('happens once, however often it is asked for', async () => {
    const log: string[] = [];
    const { shell } = shellWith(recording(log, 'a'));
    await shell.start();
    await Promise.all([shell.stop(), shell.stop()]);
    expect(log).toEqual(['start a', 'stop a']);
  });
});

describe('loops', () => {
  const broken = { name: 'reader', backoff: { initialMs: 1, maxMs: 1 } };

  it('that are critical make the service not ready; those that are given up make it fail', async () => {
    const { shell, telemetry } = shellWith();
    const retrying = shell.addLoop({ ...broken, run: fail('away'), onCritical: 'retry' });
    const { shell: other } = shellWith();
    const stopping = other.addLoop({ ...broken, run: fail('bug'), onCritical: 'stop' });
    await shell.start();
    await other.start();
    await vi.waitFor(() => expect(retrying.status.state).toBe('critical'), PATIENT);
    await vi.waitFor(() => expect(stopping.status.state).toBe('given-up'), PATIENT);

    const { ready, checks } = await shell.health.report();
    expect(ready).toBe(false);
    expect(checks['loop reader']?.problem).toMatch(/^failed \d+ times in a row: away$/);
    expect((await shell.health.liveness()).live).toBe(true);
    expect((await other.health.liveness()).live).toBe(false);
    expect(prometheusText(telemetry.metrics)).toContain('carillon_loop_critical{loop="reader"} 1');
    await shell.stop();
    await other.stop();
  });

  it('end with the service', async () => {
    const { shell } = shellWith();
    const loop = shell.addLoop({
      name: 'reader',
      run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    });
    await shell.start();
    expect((await shell.health.report()).ready).toBe(true);
    await shell.stop();
    expect(loop.status.state).toBe('stopped');
  });
});
