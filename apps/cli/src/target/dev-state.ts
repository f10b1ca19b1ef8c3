/** State file of a running `carillon dev`, read by other commands on the same machine. Readable by its user only. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CliError } from '../cli-error.ts';
import { writePrivate } from '../private-file.ts';
import { isRunning, type ProcessIdentity } from '../process-identity.ts';

export interface DevState {
  readonly process: ProcessIdentity;
  /** `http://127.0.0.1:8080` */
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  /** Absent when tokens are verified with keys of the user's own. */
  readonly jwtSecret?: string;
  /** Of the admin API. */
  readonly adminToken?: string;
}

export const DEFAULT_DATA_DIR = '.carillon';
const FILE = 'dev.json';

export function writeDevState(dataDir: string, state: DevState): void {
  writePrivate(join(dataDir, FILE), `${JSON.stringify(state, null, 2)}\n`);
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
  return isRunning(state.process) ? state : undefined;
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
