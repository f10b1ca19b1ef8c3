/** Runs the write(2) loop of floor/fanout.c against the load generator. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '@carillon/testing';
import { LoadProcess } from '../load/load-process.ts';

const SOURCE = fileURLToPath(new URL('../../floor/fanout.c', import.meta.url));
const PAD_BYTES = 100;

/** CPU per delivery of the floor in microseconds; `undefined` where no C compiler is. */
export async function measureFloor(
  subscribers: number,
  ratePerSecond: number,
  seconds: number,
): Promise<number | undefined> {
  const program = join(mkdtempSync(join(tmpdir(), 'carillon-floor-')), 'fanout');
  try {
    execFileSync('cc', ['-O2', '-o', program, SOURCE]);
  } catch (error) {
    process.stderr.write(`no floor: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`);
    return undefined;
  }
  const port = await freePort();
  const child = spawn(program, [port, subscribers, ratePerSecond, seconds, PAD_BYTES].map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const subscriber = new LoadProcess();
  try {
    await lines.next(); // "listening"
    await subscriber.open({
      role: 'subscriber',
      dialect: 'raw',
      token: '',
      connections: Array.from({ length: subscribers }, () => ({ port, channel: '' })),
      timeEvery: subscribers,
      openAtOnce: 32,
    });
    await lines.next(); // "writing"
    const { value = '' } = await lines.next();
    const { cpuUs, deliveries } = JSON.parse(value) as { cpuUs: number; deliveries: number };
    return cpuUs / deliveries;
  } finally {
    subscriber.end();
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
  }
}
