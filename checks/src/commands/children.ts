import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';

const running = new Set<ChildProcess>();
let endedBy: NodeJS.Signals | undefined;

/** Like `spawn`; a signal that ends us ends the program too, and we end after it. */
export function startChild(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(file, args, options);
  running.add(child);
  child.once('close', () => {
    running.delete(child);
    exitIfEnded();
  });
  return child;
}

function exitIfEnded(): void {
  if (endedBy !== undefined && running.size === 0) process.exit(128 + constants.signals[endedBy]);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    endedBy ??= signal;
    // At a terminal Ctrl-C has reached them already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) for (const child of running) child.kill(signal);
    exitIfEnded();
  });
}
