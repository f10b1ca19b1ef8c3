/** The folder that single-process mode keeps everything in. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CliError } from '../cli-error.ts';
import { writePrivate } from '../private-file.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { type LockResult, lockDataDir } from './data-dir-lock.ts';
import { makeFolder } from './make-folder.ts';

const ONLY_OWNER_FOLDER = 0o700;
const SECRET = 'jwt-secret';
const ADMIN_TOKEN = 'admin-token';
const SECRET_BYTES = 32;

export interface DataDir {
  readonly path: string;
  /** Where PGlite keeps its files. */
  readonly database: string;
  /** Where the broker writes down what it accepts. */
  readonly journal: string;
  release(): void;
}

/** Makes the folder if need be and takes it for this process. @throws CliError when another one has it, or it can't be written. */
export function openDataDir(given: string): DataDir {
  const path = resolve(given);
  let lock: LockResult;
  try {
    makeFolder(path, ONLY_OWNER_FOLDER);
    lock = lockDataDir(path);
  } catch (cause) {
    throw new CliError(`The data directory ${path} can't be used: ${(cause as Error).message}`, {
      hint: 'Choose another one with CARILLON_DATA_DIR.',
      cause,
    });
  }
  if (!('release' in lock)) throw inUse(path, lock.owner);
  return {
    path,
    database: join(path, 'postgres'),
    journal: join(path, 'journal'),
    release: lock.release,
  };
}

function inUse(path: string, owner: ProcessIdentity | undefined): CliError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid}`;
  return new CliError(`Carillon is running already: ${who} uses ${path}`, {
    hint: 'Use that one, stop it, or start a second one with its own CARILLON_DATA_DIR, CARILLON_GATEWAY_PORT and CARILLON_ADMIN_PORT.',
  });
}

/** The secret that development tokens are signed with; made at the first start. */
export function jwtSecretOf(dataDir: DataDir): string {
  return keptSecret(dataDir, SECRET);
}

/** The token of the admin API, where none is given; made at the first start. */
export function adminTokenOf(dataDir: DataDir): string {
  return keptSecret(dataDir, ADMIN_TOKEN);
}

function keptSecret({ path }: DataDir, name: string): string {
  const file = join(path, name);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  writePrivate(file, `${secret}\n`);
  return secret;
}
