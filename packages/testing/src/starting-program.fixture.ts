/** Starts a process that would live on, and one that hears no word, says so, and then does what it is told to. */
import { setTimeout as pause } from 'node:timers/promises';
import { startProcess } from './server-process.ts';
import { whileStarting } from './starting-program.ts';

const [ending] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function work(signal: AbortSignal): Promise<number> {
  for (const deaf of ['', "process.on('SIGINT', () => {}).on('SIGTERM', () => {});"])
    await startProcess({
      command: process.execPath,
      args: ['-e', `${deaf} console.log('ready'); setInterval(() => {}, 1000)`],
      readyPattern: /ready/,
    });
  say('started');
  if (ending === 'throws') throw new Error('it broke');
  if (ending === 'crashes') setTimeout(() => Promise.reject(new Error('it broke')), 0);
  if (ending === 'ends') return 3;
  if (ending === 'heeds')
    await pause(60_000, undefined, { signal }).catch(() => say(`put away: ${signal.reason.message}`));
  else await pause(60_000);
  return 0;
}

process.exit(await whileStarting(work, { say, patienceMs: 500 }));
