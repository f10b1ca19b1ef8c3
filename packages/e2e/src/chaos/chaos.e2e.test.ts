/** D1 to D6 against random faults: the short form of `npm run chaos`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makePlan } from './plan.ts';
import { runChaos, shownStrike } from './run-chaos.ts';

const SEED = 20_261_121;

it('[D1 D2 D3 D4 D5 D6] random faults for a minute violate no guarantee', { timeout: 600_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-chaos-'));
  const plan = makePlan({ seed: SEED, durationMs: 60_000, redisLoss: false, cluster: false });
  const lines: string[] = [];
  const verdict = await runChaos({
    ...{ plan, folder, say: (line: string) => lines.push(line) },
    // How soon is for `npm run chaos` on a machine of its own; here other tests run beside it.
    recoverWithinMs: 45_000,
  });
  expect(verdict.violations, `${lines.join('\n')}\nhistories: ${folder}`).toEqual([]);
  expect(verdict.accepted).toBeGreaterThan(500);
  expect(verdict.deliveries).toBeGreaterThan(2000);
  expect(
    Object.keys(verdict.faults).length,
    plan.waves.map(({ strikes }) => strikes.map(shownStrike).join()).join('\n'),
  ).toBeGreaterThan(3);
  await rm(folder, { recursive: true });
});
