import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../root.ts';
import { PUBLISHED, type PublishedName, packageName } from './packages.ts';

const run = promisify(execFile);

/** A project outside the workspace with the packages installed from their tarballs. */
export interface ConsumerProject {
  readonly folder: string;
  /** Absolute paths. */
  readonly tarballs: Readonly<Record<PublishedName, string>>;
}

/** Oldest versions that the SDKs support. Node as a package contains the program only. */
const OLDEST = { typescript: '~5.0.4', [`node-${process.platform}-${process.arch}`]: '^20.0.0' };
export const OLDEST_NODE = join('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
export const OLDEST_TSC = join('node_modules', 'typescript', 'bin', 'tsc');

const FIXTURE = join(ROOT, 'checks', 'fixtures', 'consumer');

async function pack(name: PublishedName, destination: string): Promise<string> {
  await mkdir(destination);
  await run('pnpm', ['pack', '--pack-destination', destination], { cwd: join(ROOT, 'packages', name) });
  const [file] = await readdir(destination);
  if (file === undefined) throw new Error(`pnpm pack of ${name} left no tarball`);
  return join(destination, file);
}

async function packAll(destination: string): Promise<Record<PublishedName, string>> {
  const entries = await Promise.all(
    PUBLISHED.map(async (name) => [name, await pack(name, join(destination, name))] as const),
  );
  return Object.fromEntries(entries) as Record<PublishedName, string>;
}

/**
 * pnpm, because its strict node_modules show an import of what a package does not declare, and because the workspace's
 * install has filled its store.
 */
async function install(folder: string, tarballs: Readonly<Record<PublishedName, string>>): Promise<void> {
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const fromTarballs = Object.fromEntries(
    PUBLISHED.map((name) => [packageName(name), `file:${tarballs[name]}`]),
  );
  const manifest = {
    name: 'consumer',
    private: true,
    type: 'module',
    dependencies: fromTarballs,
    devDependencies: { '@types/node': devDependencies['@types/node'], ...OLDEST },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  // The packages' dependencies on each other: to these tarballs too, as none of them is in a registry.
  const settings = { overrides: fromTarballs, allowBuilds: { protobufjs: false, 'msgpackr-extract': false } };
  await writeFile(join(folder, 'pnpm-workspace.yaml'), JSON.stringify(settings, null, 2));
  await run('pnpm', ['install', '--prefer-offline', '--no-frozen-lockfile'], { cwd: folder });
}

export async function createConsumerProject(): Promise<ConsumerProject> {
  const root = await mkdtemp(join(tmpdir(), 'carillon-consumer-'));
  const folder = join(root, 'project');
  await cp(FIXTURE, folder, { recursive: true });
  const tarballs = await packAll(await mkdtemp(join(root, 'tarballs-')));
  await install(folder, tarballs);
  return { folder, tarballs };
}
