/** The folder that single-process mode keeps everything in. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CliError } from '../cli-error.ts';
import { writePrivate } from '../private-file.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../process-identity.ts';

const ONLY_OWNER_FOLDER = 0o700;
const LOCK = 'lock.json';
const SECRET = 'jwt-secret';
const SECRET_BYTES = 32;

export interface DataDir {
  readonly path: string;
  /** Where PGlite keeps its files. */
  readonly database: string;
  release(): void;
}

/** Makes the folder if need be and takes it for this process. @throws CliError when another one has it, or it can't be written. */
export function openDataDir(given: string): DataDir {
  const path = resolve(given);
  try {
    mkdirSync(path, { recursive: true, mode: ONLY_OWNER_FOLDER });
    takeLock(path);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`The data directory ${path} can't be used: ${(cause as Error).message}`, {
      hint: 'Choose another one with CARILLON_DATA_DIR.',
      cause,
    });
  }
  return { path, database: join(path, 'postgres'), release: () => rmSync(join(path, LOCK), { force: true }) };
}

function takeLock(path: string): void {
  const lock = join(path, LOCK);
  const own = JSON.stringify(ownIdentity());
  for (;;) {
    try {
      writeFileSync(lock, own, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readOwner(lock);
    if (owner !== undefined && isRunning(owner)) throw inUse(path, owner);
    rmSync(lock, { force: true }); // its owner died without a goodbye
  }
}

function readOwner(lock: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined; // gone by now, or cut short by a crash
  }
}

function inUse(path: string, owner: ProcessIdentity): CliError {
  return new CliError(`Carillon is running already: process ${owner.pid} uses ${path}`, {
    hint: 'Use that one, stop it, or start a second one with its own CARILLON_DATA_DIR, CARILLON_GATEWAY_PORT and CARILLON_ADMIN_PORT.',
  });
}

/** The secret that development tokens are signed with; made at the first start. */
export function jwtSecretOf({ path }: DataDir): string {
  const file = join(path, SECRET);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  writePrivate(file, `${secret}\n`);
  return secret;
}
