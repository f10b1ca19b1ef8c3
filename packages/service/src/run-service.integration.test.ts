import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const CHILD = fileURLToPath(new URL('run-service-child.suite.ts', import.meta.url));

/** Runs the process and calls `onLine` for each message that it logs. */
async function run(
  scenario: string,
  onLine: (message: string, kill: (signal: NodeJS.Signals) => void) => void,
) {
  const child = spawn(process.execPath, [CHILD, scenario], { stdio: ['ignore', 'pipe', 'inherit'] });
  const messages: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { message: string } };
    messages.push(err === undefined || err.message.startsWith(msg) ? msg : `${msg}: ${err.message}`);
    onLine(msg, (signal) => child.kill(signal));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, messages };
}

const STOPPING = 'stopping; a second signal ends the process at once';

it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s stops the services in reverse order, exit code 0',
  async (signal) => {
    const { code, messages } = await run('', (message, kill) => {
      if (message === 'started') kill(signal);
    });
    expect(messages).toEqual([
      'starting first',
      'starting second',
      'started',
      STOPPING,
      'stopping second',
      'stopping first',
      'after stop',
      'stopped',
    ]);
    expect(code).toBe(0);
  },
);

it('a signal during the start ends the start and stops what was started', async () => {
  const { code, messages } = await run('slow start', (message, kill) => {
    if (message === 'starting second') kill('SIGTERM');
  });
  expect(messages).toEqual([
    'starting first',
    'starting second',
    STOPPING,
    'stopping second',
    'stopping first',
    'after stop',
    'stopped',
  ]);
  expect(code).toBe(0);
});

it('a failed start says why, stops what was started, exit code 1', async () => {
  const { code, messages } = await run('failed start', () => undefined);
  expect(messages).toEqual([
    'starting first',
    'starting second',
    'second could not start second part: port 1 is taken',
    'stopping first',
    'after stop',
    'stopped',
  ]);
  expect(code).toBe(1);
});

it('a second signal ends the process at once', async () => {
  let insisting: NodeJS.Timeout | undefined;
  const { code, messages } = await run('hanging stop', (message, kill) => {
    if (message === 'started') kill('SIGINT');
    if (message === 'stopping second') insisting = setInterval(() => kill('SIGINT'), 50);
  });
  clearInterval(insisting);
  expect(messages.at(-1)).toBe('stopping second');
  expect(code).toBe(130);
});

it('one signal that comes twice, with the group and passed on by a launcher, is one', async () => {
  const { code, messages } = await run('stop with a second signal', (message, kill) => {
    if (message === 'started') kill('SIGINT');
  });
  expect(messages.slice(-2)).toEqual(['after stop', 'stopped']);
  expect(code).toBe(0);
});

it('a stop that takes too long is cut off, exit code 1', async () => {
  const { code, messages } = await run('hanging stop, short', (message, kill) => {
    if (message === 'started') kill('SIGTERM');
  });
  expect(messages.at(-1)).toBe('the graceful stop took too long');
  expect(code).toBe(1);
});

it.each(['uncaught', 'rejection'])(
  'an error that nobody caught (%s) is logged and ends the process, exit code 1',
  async (scenario) => {
    const { code, messages } = await run(scenario, () => undefined);
    expect(messages.slice(3)).toEqual([
      'an error that nobody caught: nobody catches this',
      'stopping second',
      'stopping first',
      'after stop',
      'stopped',
    ]);
    expect(code).toBe(1);
  },
);

it('SIGHUP reloads what can be reloaded, and stops nothing', async () => {
  const { code, messages } = await run('reload', (message, kill) => {
    if (message === 'started') kill('SIGHUP');
    if (message === 'reloading second') kill('SIGTERM');
  });
  expect(messages).toContain('reading again what may change while it runs');
  expect(messages.filter((message) => message === STOPPING)).toHaveLength(1);
  expect(code).toBe(0);
});

it('goes on when the disk of its log is full', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [CHILD, 'full disk'], { stdio: ['ignore', full, 'pipe'] });
  const closed = once(child, 'close');
  const said = createInterface({ input: child.stderr! })[Symbol.asyncIterator]();
  expect(await said.next()).toEqual({ done: false, value: 'started' });
  child.kill('SIGTERM');
  expect(await closed).toEqual([0, null]);
  closeSync(full);
});
