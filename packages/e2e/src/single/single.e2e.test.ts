/** D1 to D6 in single-process mode: killed with SIGKILL under load, judged by the checker. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SeededRandom } from '../chaos/random.ts';
import { Stage } from '../check/stage.ts';
import { caughtUp } from '../seeded-bugs/moments.ts';
import { startSingle } from './single-instance.ts';

const SEED = 20_261_129;
const KILLS = 8;
const CHANNELS = ['single:a', 'single:b', 'single:c'];

it('[D1 D2 D3 D4 D6] killed again and again under load it loses, doubles and reorders nothing', {
  timeout: 400_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-single-histories-'));
  const single = await startSingle();
  const stage = new Stage(single.rows, folder);
  const random = new SeededRandom(SEED);
  try {
    const place = { gateway: single, channels: CHANNELS };
    await stage.subscriber('sdk', place).start();
    await (await stage.bareSubscriber('bare', place)).start();
    for (const name of ['p1', 'p2']) (await stage.publisher(name, place)).start(5, { burst: 3 });
    for (let round = 0; round < KILLS; round++) {
      await stage.traffic(random.between(20, 400));
      await single.kill();
      stage.fault('killed');
      await single.start();
      await caughtUp(stage);
    }
    await stage.traffic(50);
    const verdict = await stage.judge({}, { settleMs: 60_000, reader: single });
    expect(verdict.violations, `histories: ${folder}`).toEqual([]);
    expect(verdict.accepted).toBeGreaterThan(KILLS * 20);
    expect(verdict.stored).toBe(verdict.accepted);
  } finally {
    await stage.close();
    await single.end();
  }
  await rm(folder, { recursive: true });
});
