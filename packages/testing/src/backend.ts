import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from './config.ts';

/** Where test servers come from. */
export type Backend = 'local' | 'docker';

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];

const run = promisify(execFile);
let dockerAnswers: Promise<boolean> | undefined;

/** The folders of PATH, and where Debian keeps Postgres and other servers. */
function searchPath(): readonly string[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    ...environment.path.split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
    // Not on everybody's path: PgBouncer and nginx.
    '/usr/sbin',
  ];
}

/** Absolute path of a program, `undefined` when it isn't installed. */
export function findProgram(name: string): string | undefined {
  return searchPath()
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** Path of a Chromium: given by `CARILLON_TEST_CHROMIUM`, else an installed one. @throws Error that says what to install. */
export function findChromium(): string {
  const found = environment.chromium || CHROMIUM_NAMES.map(findProgram).find((path) => path !== undefined);
  if (found !== undefined) return found;
  throw new Error('this test needs a browser: apt-get install chromium, or give CARILLON_TEST_CHROMIUM');
}

function hasDocker(): Promise<boolean> {
  dockerAnswers ??= run('docker', ['info'], { timeout: 5000 }).then(
    () => true,
    () => false,
  );
  return dockerAnswers;
}

/**
 * Local binaries where they are: they start faster and can be killed and paused like any process. Else Docker.
 * `CARILLON_TEST_BACKEND` (`local` or `docker`) decides otherwise.
 * @throws Error that says what to install.
 */
export async function chooseBackend(program: string): Promise<Backend> {
  const forced = environment.backend;
  if (forced !== undefined && forced !== 'local' && forced !== 'docker')
    throw new Error(`CARILLON_TEST_BACKEND must be local or docker, not '${forced}'`);
  if (forced !== 'docker' && findProgram(program) !== undefined) return 'local';
  if (forced !== 'local' && (await hasDocker())) return 'docker';
  throw new Error(
    `tests need ${program}: install it (Debian: apt-get install redis-server postgresql), start Docker, or give CARILLON_TEST_REDIS_URL and CARILLON_TEST_DATABASE_URL`,
  );
}
