import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 25;

/** The children of a process. None when it has ended. */
function childrenOf(pid: number): readonly number[] {
  if (process.platform !== 'linux') {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    const pairs = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    return pairs.filter(([, parent]) => parent === pid).map(([child]) => child!);
  }
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has ended meanwhile
  }
}

/** To a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** SIGSTOP for a process and its children; the parent first, so that it makes no new ones meanwhile. */
export function pauseTree(pid: number): void {
  signal(pid, 'SIGSTOP');
  for (const child of childrenOf(pid)) signal(child, 'SIGSTOP');
}

export function resumeTree(pid: number): void {
  for (const child of childrenOf(pid)) signal(child, 'SIGCONT');
  signal(pid, 'SIGCONT');
}

/** Children, their children, and so on. */
export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Ends all that descend from this process: SIGINT to its children, which servers take as a word to end at once and in order, and SIGKILL
 * to what is still there after `graceMs`.
 */
export async function endDescendants(graceMs = 3000): Promise<void> {
  const started = descendantsOf(process.pid);
  for (const pid of started) signal(pid, 'SIGCONT');
  for (const pid of childrenOf(process.pid)) signal(pid, 'SIGINT');
  const deadline = performance.now() + graceMs;
  while (started.some(isAlive) && performance.now() < deadline) await pause(POLL_MS);
  // Others may have been started meanwhile.
  for (const pid of new Set([...started, ...descendantsOf(process.pid)])) signal(pid, 'SIGKILL');
}
