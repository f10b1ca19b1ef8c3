import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { environment } from './config.ts';

const MAX_OUTPUT = 200_000;
const POLL_MS = 25;
/** Grandchildren may hold the output open after the process has ended: it is waited for this long. */
const HELD_OUTPUT_MS = 1000;

export interface ProcessOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Started when a line of its output matches. */
  readonly readyPattern?: RegExp;
  /** Started when this address answers 2xx. Neither: started at once. */
  readonly readyUrl?: string;
  /** Default 50,000. */
  readonly readyTimeoutMs?: number;
  /** Linux only: run as this user id when the tests run as root. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A real process under test. Its output is kept (bounded) and shown when it fails. */
export class ServerProcess {
  readonly pid: number;
  /** Exit code, `null` when a signal ended it. When it resolves, `output` has what the process said last. */
  readonly exited: Promise<number | null>;
  /** All that had its output is gone: the process, and what it has started. */
  readonly closed: Promise<void>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('the process has no pid');
    this.#child = child;
    this.pid = child.pid;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    child.once('close', () => closed.resolve());
    this.exited = once(child, 'exit').then(async ([code]) => {
      await lastOutput(this.closed);
      return code as number | null;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT);
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends `signal` (default SIGKILL) and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (this.running) this.#child.kill(signal);
    return await this.exited;
  }

  /** SIGTERM; SIGKILL when it doesn't end in time. */
  async stop(timeoutMs = 20_000): Promise<number | null> {
    if (this.running) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}

/** A process ends before what it said last is read. */
async function lastOutput(closed: Promise<void>): Promise<void> {
  const { promise: held, resolve } = Promise.withResolvers<void>();
  // After the timer a turn in which pipes are read: it may be late because we stood still.
  const timer = setTimeout(() => setImmediate(resolve), HELD_OUTPUT_MS);
  await Promise.race([closed, held]);
  clearTimeout(timer);
}

/** Starts a process and waits until it is ready. @throws Error with the end of its output when it doesn't become ready. */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const child = spawn(options.command, [...(options.args ?? [])], {
    env: { ...environment.inherited, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error))]);
  const started = new ServerProcess(child);
  try {
    await waitUntilReady(started, options);
  } catch (error) {
    await started.kill();
    throw new Error(
      `${options.command} ${(options.args ?? []).join(' ')}: ${error instanceof Error ? error.message : error}\n${started.output.slice(-4000)}`,
    );
  }
  return started;
}

async function waitUntilReady(
  started: ServerProcess,
  { readyPattern, readyUrl, readyTimeoutMs = 50_000 }: ProcessOptions,
): Promise<void> {
  if (readyPattern === undefined && readyUrl === undefined) return;
  const deadline = performance.now() + readyTimeoutMs;
  while (performance.now() < deadline) {
    if (!started.running) throw new Error(`ended with ${await started.exited} before it was ready`);
    if (readyPattern?.test(started.output)) return;
    if (readyUrl !== undefined && (await answers(readyUrl))) return;
    await pause(POLL_MS);
  }
  throw new Error(`was not ready within ${readyTimeoutMs} ms`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // nobody listens yet
  }
}
