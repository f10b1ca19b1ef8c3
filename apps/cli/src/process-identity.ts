import { readFileSync } from 'node:fs';

/** Names a process so that a later one with the same pid is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in the system's own measure; absent where the system doesn't tell. */
  readonly started?: string;
}

export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid);
}

function identityOf(pid: number): ProcessIdentity {
  const started = statOf(pid)?.started;
  return started === undefined ? { pid } : { pid, started };
}

export function isRunning(identity: ProcessIdentity): boolean {
  if (!exists(identity.pid)) return false;
  const now = statOf(identity.pid);
  if (now === undefined) return true;
  return !now.hasEnded && (identity.started === undefined || now.started === identity.started);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Linux: when it began, in ticks since boot with the boot's own id; and whether it is a zombie, which has a pid only until its
 * parent takes note of its end.
 */
function statOf(pid: number): { readonly started: string; readonly hasEnded: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces; the state is the third, the start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { started: `${boot}/${fields[19]}`, hasEnded: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined; // no /proc here
  }
}
