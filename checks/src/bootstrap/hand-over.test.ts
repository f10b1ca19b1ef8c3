import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../root.ts';

const MODULE = JSON.stringify(join(ROOT, 'bootstrap', 'hand-over.mjs'));

let started: ChildProcess | undefined;
// Not SIGKILL: what was handed over to would be left behind.
afterEach(() => started?.kill('SIGTERM'));

/** The bootstrap's end: hands over to a program given as JavaScript, and ends as that does. */
function handOverTo(program: string): ChildProcess {
  const script = `
    import { handOver } from ${MODULE};
    process.exitCode = await handOver(process.execPath, ['--eval', ${JSON.stringify(program)}]);`;
  started = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return started;
}

test('the exit code is passed back', async () => {
  expect((await once(handOverTo('process.exit(7)'), 'exit'))[0]).toBe(7);
});

test('a program that a signal ended gives the code that shells use', async () => {
  expect((await once(handOverTo("process.kill(process.pid, 'SIGKILL')"), 'exit'))[0]).toBe(137);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s is passed on, and the program may end in its own way',
  async (signal) => {
    const child = handOverTo(`
    process.on('${signal}', () => { console.log('stopping'); process.exit(3); });
    setInterval(() => {}, 1000);
    console.log('ready');`);
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      if (output === 'ready\n') child.kill(signal);
    });
    const [code] = await once(child, 'close');
    expect({ code, output }).toEqual({ code: 3, output: 'ready\nstopping\n' });
  },
);
