/** A run that is ended leaves no server behind, and everything to look into. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { descendantsOf, eventually, isAlive, startProcess } from '@carillon/testing';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function sizes(folder: string): readonly number[] {
  return readdirSync(folder).map((name) => statSync(join(folder, name)).size);
}

it('ended by SIGINT, it ends its servers, and keeps and names plan and histories', {
  timeout: 400_000,
}, async () => {
  const run = await startProcess({
    command: process.execPath,
    args: [MAIN, '--minutes', '5', '--seed', '2'],
    readyPattern: /flows again/,
    readyTimeoutMs: 300_000,
  });
  const started = descendantsOf(run.pid);
  // Seven services, Redis, Postgres and what Postgres starts.
  expect(started.length).toBeGreaterThan(9);
  process.kill(run.pid, 'SIGINT');
  expect(await run.exited).toBe(130);
  await eventually(() => !started.some(isAlive), { what: 'all that it has started is gone' });
  const named = () => /What there is up to here is in (\S+);/.exec(run.output)?.[1];
  // Its last words may be read after its end is told.
  await eventually(() => named() !== undefined, { what: 'where everything is' }).catch(() => undefined);
  expect(named(), run.output).toBeDefined();
  const folder = named()!;
  expect(JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'))).toMatchObject({ seed: 2 });
  expect(sizes(join(folder, 'histories')).filter((size) => size > 0).length).toBeGreaterThan(5);
  expect(readdirSync(folder)).toContain('gateway-0.log');
  rmSync(folder, { recursive: true });
});
