import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failureFrom } from './failure.mjs';
import { ROOT } from './places.mjs';
import { step } from './progress.mjs';
import { runQuietly } from './run-quietly.mjs';
import { digestOfContents, stampIs, writeStamp } from './stamp.mjs';
import { pnpmVersion } from './toolchain.mjs';

/** Inside node_modules, so that deleting that deletes the stamp. */
const STAMP = join(ROOT, 'node_modules', '.carillon-install');

const PNPM_SETTINGS = {
  // In production pnpm leaves out what builds and tests need.
  NODE_ENV: 'development',
  // pnpm asks no questions.
  CI: 'true',
  // The committed lockfile was checked against the registry by the `pnpm install` that wrote it. Doing it again takes
  // 10 of 15 s, as 600 packages are looked up.
  pnpm_config_trust_lockfile: 'true',
  // pnpm's own patience with a network that is not there is longer than a minute.
  pnpm_config_fetch_retries: '3',
  pnpm_config_fetch_retry_mintimeout: '500',
  pnpm_config_fetch_retry_maxtimeout: '3000',
};

/** Folders of the workspace's packages, by the `packages` of pnpm-workspace.yaml. */
function packageFolders() {
  const yaml = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8');
  const list = /^packages:\n((?: *- .*\n)+)/m.exec(yaml)?.[1] ?? '';
  const globs = [...list.matchAll(/- *['"]?([^'"\n]+)/g)].map(([, glob]) => /** @type {string} */ (glob));
  const folders = globs.flatMap((glob) => {
    if (!glob.endsWith('/*')) return [join(ROOT, glob)];
    const parent = join(ROOT, glob.slice(0, -2));
    return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
  });
  return folders.filter((folder) => existsSync(join(folder, 'package.json')));
}

function installDigest() {
  const manifests = [ROOT, ...packageFolders()].map((folder) => join(folder, 'package.json'));
  const files = [join(ROOT, 'pnpm-lock.yaml'), join(ROOT, 'pnpm-workspace.yaml'), ...manifests];
  return digestOfContents(files, [pnpmVersion(), process.platform, process.arch]);
}

/** Has a package's node_modules been deleted since? Packages without dependencies have none. */
function isDamaged() {
  return packageFolders().some((folder) => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const needsFolder = Object.keys({ ...dependencies, ...devDependencies }).length > 0;
    return needsFolder && !existsSync(join(folder, 'node_modules'));
  });
}

export function dependenciesAreInstalled() {
  return stampIs(STAMP, installDigest()) && !isDamaged();
}

/**
 * @param {string} pnpm absolute path of the executable
 * @param {NodeJS.ProcessEnv} env
 */
export async function installDependencies(pnpm, env) {
  const digest = installDigest();
  const title = 'Installing dependencies';
  await step(title, async (note) => {
    const args = ['install', '--frozen-lockfile', '--reporter=append-only'];
    const { status, output } = await runQuietly(pnpm, args, {
      cwd: ROOT,
      env: { ...env, ...PNPM_SETTINGS },
      onLine: note,
    });
    if (status !== 0) throw failureFrom(title, output);
  });
  writeStamp(STAMP, digest);
}
