/** Runs the write(2) loop of floor/fanout.c against the load generator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from '@carillon/testing';
import { cProgram } from '../load/c-program.ts';
import { LoadProcess } from '../load/load-process.ts';

const PAD_BYTES = 100;

/** CPU per delivery of the floor in microseconds; `undefined` where no C compiler is. */
export async function measureFloor(
  subscribers: number,
  ratePerSecond: number,
  seconds: number,
): Promise<number | undefined> {
  const program = cProgram('fanout');
  if (program === undefined) return undefined;
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
