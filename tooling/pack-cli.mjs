/**
 * Packs the command line, with the services and the console that `carillon dev` runs, into one tarball that installs outside the checkout:
 *   node tooling/pack-cli.mjs <folder for the tarball>
 * Its own dependencies are in it as one file; only the embedded Postgres, which has files of its own, is installed from the registry.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CLI = join(ROOT, 'apps/cli');
const PROGRAM = 'dist/program/main.mjs';
const OF_IMAGES = ['healthcheck.mjs', 'service.json'];

/** @param {string} path */
const manifestOf = (path) => JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));

const [given] = process.argv.slice(2);
if (given === undefined) {
  process.stderr.write('usage: pack-cli.mjs <folder for the tarball>\n');
  process.exit(2);
}
const destination = resolve(given);
mkdirSync(destination, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'carillon-pack-cli-'));
try {
  const program = join(folder, 'dist/program');
  const bundle = [join(ROOT, 'infra/docker/bundle.mjs'), 'cli', program];
  // The bundler's output goes to stderr: stdout has the tarball's path.
  execFileSync(process.execPath, bundle, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  for (const name of OF_IMAGES) rmSync(join(program, name));
  cpSync(join(CLI, 'README.md'), join(folder, 'README.md'));
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  mkdirSync(join(folder, 'bin'));
  const starter = readFileSync(join(CLI, 'bin/carillon.js'), 'utf8');
  writeFileSync(join(folder, 'bin/carillon.js'), starter.replaceAll('dist/main.js', PROGRAM), {
    mode: 0o755,
  });
  const { name, version, description, license, type, engines, bin } = manifestOf(CLI);
  const { dependencies } = manifestOf(join(ROOT, 'packages/db'));
  const embedded = Object.entries(dependencies).filter(([dependency]) => dependency.includes('pglite'));
  const manifest = {
    ...{ name, version, description, license, type, engines, bin },
    dependencies: Object.fromEntries(embedded),
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', destination], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 2],
  });
  process.stdout.write(`${join(destination, `${name}-${version}.tgz`)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
