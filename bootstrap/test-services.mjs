import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BootstrapFailure, failureFrom } from './failure.mjs';
import { step } from './progress.mjs';
import { runQuietly } from './run-quietly.mjs';

const DEBIAN_POSTGRES = '/usr/lib/postgresql';
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const COMPILER_NAMES = ['cc', 'gcc', 'clang', 'tcc'];
const CHROMIUM_ON_MACOS = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
const DOCKER_TIMEOUT_MS = 5000;

/** The images that packages/testing starts where no local servers are. */
const REDIS_IMAGE = 'redis:7';
const POSTGRES_IMAGE = 'postgres:17';

/** @typedef {{ what: string, debianPackage: string, image?: string, give?: string, isOptional?: true, isThere: () => boolean }} Need */

/** @param {readonly string[]} names @param {readonly string[]} [moreFolders] @returns {string | undefined} absolute path of the first found */
function findProgram(names, moreFolders = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...moreFolders];
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name + suffix)))
    .find((path) => existsSync(path));
}

function postgresFolders() {
  if (!existsSync(DEBIAN_POSTGRES)) return [];
  return readdirSync(DEBIAN_POSTGRES).map((version) => join(DEBIAN_POSTGRES, version, 'bin'));
}

function findChromium() {
  const given = process.env.CARILLON_TEST_CHROMIUM;
  if (given) return given;
  return findProgram(CHROMIUM_NAMES) ?? [CHROMIUM_ON_MACOS].find((path) => existsSync(path));
}

/** @type {readonly Need[]} */
const NEEDS = [
  {
    what: 'Redis',
    debianPackage: 'redis-server',
    image: REDIS_IMAGE,
    give: 'CARILLON_TEST_REDIS_URL',
    isThere: () => findProgram(['redis-server']) !== undefined,
  },
  {
    what: 'Postgres',
    debianPackage: 'postgresql',
    image: POSTGRES_IMAGE,
    give: 'CARILLON_TEST_DATABASE_URL',
    isThere: () =>
      ['initdb', 'postgres'].every((name) => findProgram([name], postgresFolders()) !== undefined),
  },
  {
    what: 'PgBouncer',
    debianPackage: 'pgbouncer',
    isThere: () => findProgram(['pgbouncer'], ['/usr/sbin']) !== undefined,
  },
  // Without them the tests of proxies are skipped.
  ...['nginx', 'haproxy'].map((name) => ({
    what: name,
    debianPackage: name,
    isOptional: /** @type {const} */ (true),
    isThere: () => findProgram([name], ['/usr/sbin']) !== undefined,
  })),
  {
    what: 'Chromium',
    debianPackage: 'chromium',
    give: 'CARILLON_TEST_CHROMIUM',
    isThere: () => findChromium() !== undefined,
  },
  {
    // A Redis whose clock is stepped has a function of the C library replaced: on Linux.
    what: 'a C compiler',
    debianPackage: 'tcc',
    give: 'CARILLON_TEST_CC',
    isThere: () => process.platform !== 'linux' || findProgram(COMPILER_NAMES) !== undefined,
  },
  {
    // Without it alerts and panels are not tried.
    what: 'Prometheus',
    debianPackage: 'prometheus',
    isOptional: true,
    isThere: () => ['prometheus', 'promtool'].every((name) => findProgram([name]) !== undefined),
  },
];

/**
 * Makes sure that the tests will find a Redis, a Postgres, PgBouncer, a browser and a C compiler: given by an environment variable,
 * installed, by Docker (Redis and Postgres), or installed now on a Debian where we may; nginx, HAProxy and Prometheus where that can be
 * done. The tests start servers of their own.
 *
 * @returns {Promise<NodeJS.ProcessEnv>} what the tests have to be told in their environment
 */
export async function ensureTestServices() {
  let missing = NEEDS.filter(({ give, isThere }) => !(give && process.env[give]) && !isThere());
  const inContainers = missing.filter(({ image }) => image !== undefined);
  if (inContainers.length > 0 && (await dockerAnswers()) && (await pullImages(inContainers))) {
    missing = missing.filter((need) => !inContainers.includes(need));
  }
  const required = missing.filter(({ isOptional }) => isOptional !== true);
  if (required.length > 0 && !mayInstall()) throw tellToInstall(required);
  if (required.length > 0) await installDebianPackages(required);
  const optional = missing.filter((need) => !required.includes(need));
  // Their tests say why they are skipped.
  if (optional.length > 0 && mayInstall()) await installDebianPackages(optional).catch(() => undefined);
  return { CARILLON_TEST_CHROMIUM: findChromium() };
}

async function dockerAnswers() {
  const answer = runQuietly('docker', ['info', '--format', '{{.ServerVersion}}']).then(
    ({ status }) => status === 0,
  );
  const silence = new Promise((resolve) => setTimeout(resolve, DOCKER_TIMEOUT_MS, false).unref());
  return Promise.race([answer, silence]);
}

/**
 * Fetches images now, with progress, and not while a test waits for its server.
 *
 * @param {readonly Need[]} needs
 * @returns {Promise<boolean>} false when they cannot be had: an engine without a network, or without a login
 */
async function pullImages(needs) {
  for (const image of needs.map((need) => /** @type {string} */ (need.image))) {
    if ((await runQuietly('docker', ['image', 'inspect', image])).status === 0) continue;
    const pulled = await step(`Fetching the Docker image ${image}`, async (note) =>
      runQuietly('docker', ['pull', image], { onLine: note }),
    );
    if (pulled.status !== 0) return false;
  }
  return true;
}

function mayInstall() {
  return existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0;
}

/** @param {readonly Need[]} needs */
async function installDebianPackages(needs) {
  const packages = needs.map(({ debianPackage }) => debianPackage);
  const title = `Installing ${packages.join(', ')} with apt-get`;
  await step(title, async (note) => {
    // RUNLEVEL keeps the packages from starting servers: the tests start their own.
    const options = {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      onLine: note,
    };
    const install = () =>
      runQuietly('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
    let result = await install();
    if (result.status !== 0) {
      // A fresh container has no package lists, an old machine has outdated ones.
      await runQuietly('apt-get', ['update'], options);
      result = await install();
    }
    if (result.status !== 0) throw failureFrom(title, result.output);
  });
}

/** @param {readonly Need[]} missing */
function tellToInstall(missing) {
  const names = missing.map(({ what }) => what).join(', ');
  const options = [
    `  Debian, Ubuntu:  sudo apt-get install ${missing.map(({ debianPackage }) => debianPackage).join(' ')}`,
    ...(missing.some(({ image }) => image)
      ? ['  Docker:          start it; Redis and Postgres then run in containers']
      : []),
    ...(missing.every(({ give }) => give)
      ? [`  Or give them:    ${missing.map(({ give }) => give).join(', ')} in the environment`]
      : []),
  ];
  return new BootstrapFailure(
    `The tests need ${names}, and there is none here.`,
    `Any of:\n${options.join('\n')}`,
  );
}
