import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { descendantsOf, eventually, isAlive, startProcess } from '@carillon/testing';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

it('ended by SIGINT, it leaves no server and no load behind, and no result', {
  timeout: 300_000,
}, async () => {
  const out = mkdtempSync(join(tmpdir(), 'carillon-bench-ended-'));
  const run = await startProcess({
    command: process.execPath,
    args: [MAIN, 'publish', '--seconds', '300', '--clients', '8', '--out', out],
    readyPattern: / carillon\n/,
    readyTimeoutMs: 150_000,
  });
  try {
    // Two gateways, a router, persistence, Redis, Postgres and what it starts, and the load.
    await eventually(() => descendantsOf(run.pid).length > 8, {
      what: 'the load has begun',
      timeoutMs: 60_000,
    });
    const started = descendantsOf(run.pid);
    process.kill(run.pid, 'SIGINT');
    expect(await run.exited).toBe(130);
    expect(run.output).toContain('SIGINT');
    await eventually(() => !started.some(isAlive), { what: 'all that it has started is gone' });
    expect(readdirSync(out)).toEqual([]);
  } finally {
    await run.kill();
    rmSync(out, { recursive: true });
  }
});
