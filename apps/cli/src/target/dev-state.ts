/** What a running `carillon dev` tells other commands on the same machine, in a file that only its user can read. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CliError } from '../cli-error.ts';

export interface DevState {
  readonly pid: number;
  /** `http://127.0.0.1:8080` */
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  readonly jwtSecret: string;
}

export const DEFAULT_DATA_DIR = '.carillon';
const FILE = 'dev.json';
const ONLY_OWNER = 0o600;

export function writeDevState(dataDir: string, state: DevState): void {
  const path = join(dataDir, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: ONLY_OWNER });
  chmodSync(`${path}.new`, ONLY_OWNER);
  renameSync(`${path}.new`, path);
}

export function removeDevState(dataDir: string): void {
  rmSync(join(dataDir, FILE), { force: true });
}

/**
 * State of the running dev instance, if there is one: of `dataDir`, or of `.carillon/` in the working directory or above it.
 * @throws CliError when the file can't be read.
 */
export function findDevState(dataDir: string | undefined): DevState | undefined {
  const path = dataDir === undefined ? findUpwards(process.cwd()) : join(dataDir, FILE);
  if (path === undefined || !existsSync(path)) return undefined;
  const state = parse(path);
  return isRunning(state.pid) ? state : undefined;
}

function findUpwards(start: string): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const path = join(folder, DEFAULT_DATA_DIR, FILE);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) return undefined;
  }
}

function parse(path: string): DevState {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DevState;
  } catch (cause) {
    const hint = 'Stop the running instance, remove the file, and start again.';
    throw new CliError(`${path} can't be read`, { hint, cause });
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
