import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { descendantsOf, isAlive } from './process-tree.ts';
import { startProcess } from './server-process.ts';

const PROGRAM = fileURLToPath(new URL('./starting-program.fixture.ts', import.meta.url));

let children: number[] = [];
afterEach(() => {
  for (const pid of children.splice(0).filter(isAlive)) process.kill(pid, 'SIGKILL');
});

it.each([
  ['SIGINT', 'heeds', 130, 'put away: SIGINT'],
  ['SIGTERM', 'goes-on', 143, 'SIGTERM: ending'],
  [undefined, 'throws', 1, 'it broke'],
  [undefined, 'crashes', 1, 'it broke'],
  [undefined, 'ends', 3, 'started'],
] as const)('ended by %s, and its work %s: nothing is left', async (signal, ending, code, says) => {
  const program = await startProcess({
    command: process.execPath,
    args: [PROGRAM, ending],
    readyPattern: /started/,
  });
  // A program that ended by itself may have ended them already.
  children = [...descendantsOf(program.pid)];
  if (signal !== undefined) {
    expect(children).toHaveLength(2);
    process.kill(program.pid, signal);
  }
  expect(await program.exited).toBe(code);
  expect(program.output).toContain(says);
  await eventually(() => !children.some(isAlive), { what: 'its children are gone' });
});

it('whoever asks twice does not wait', async () => {
  const program = await startProcess({
    command: process.execPath,
    args: [PROGRAM, 'goes-on'],
    readyPattern: /started/,
  });
  children = [...descendantsOf(program.pid)];
  process.kill(program.pid, 'SIGTERM');
  await eventually(() => program.output.includes('SIGTERM: ending'), { what: 'it has heard' });
  expect([130, 143]).toContain(await program.kill('SIGINT'));
  await eventually(() => !children.some(isAlive), { what: 'its children are gone' });
});
