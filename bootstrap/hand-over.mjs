import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program in our place: it has our terminal, gets our signals, and its exit becomes ours.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} its exit code; 128 + number of the signal that ended it
 */
export function handOver(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: 'inherit' });
    const stopForwarding = forwardSignals(child);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      stopForwarding();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/** @param {import('node:child_process').ChildProcess} child */
function forwardSignals(child) {
  // Ctrl-C at a terminal reaches the child by itself. Sent again it would look like the impatient second one.
  const sentByTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  /** @type {Array<[NodeJS.Signals, () => void]>} */
  const handlers = /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']).map(
    (signal) => [
      signal,
      () => {
        if (!(sentByTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT'))) child.kill(signal);
      },
    ],
  );
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
