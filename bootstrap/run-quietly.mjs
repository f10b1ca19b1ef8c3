import { spawn } from 'node:child_process';

/** Enough to explain a failure; a long install says more than anybody reads. */
const KEPT_OUTPUT_BYTES = 64 * 1024;

/**
 * Runs a program without showing its output.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, shell?: boolean, onLine?: (line: string) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<{ status: number, output: string }>} the end of its output, stdout and stderr mixed; a program
 *   that cannot be started has status 127; so has one that `signal` has ended
 */
export function runQuietly(file, args, { cwd, env, shell = false, onLine, signal } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, env, shell, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-KEPT_OUTPUT_BYTES);
      const line = String(chunk)
        .trimEnd()
        .split(/[\r\n]/)
        .at(-1)
        ?.trim();
      if (line) onLine?.(line);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error) => resolve({ status: 127, output: `${output}${error.message}` }));
    child.once('close', (status) => resolve({ status: status ?? 1, output }));
  });
}
