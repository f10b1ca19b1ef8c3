import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../root.ts';
import { type ConsumerProject, createConsumerProject, OLDEST_NODE, OLDEST_TSC } from './consumer-project.ts';
import { PUBLISHED } from './packages.ts';

const INSTALL_TIMEOUT_MS = 600_000;
const COMPILE_TIMEOUT_MS = 300_000;

const execute = promisify(execFile);
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

let project: ConsumerProject;
beforeAll(async () => {
  project = await createConsumerProject();
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  if (project) await rm(dirname(project.folder), { recursive: true, force: true });
});

async function node(...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, args, { cwd: project.folder }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}${error.stderr}`);
    },
  );
  return stdout;
}

test('a program outside the workspace compiles against the tarballs', {
  timeout: COMPILE_TIMEOUT_MS,
}, async () => {
  expect(await node(TSC, '-p', 'tsconfig.json')).toBe('');
});

test('a page compiles without types of Node', { timeout: COMPILE_TIMEOUT_MS }, async () => {
  expect(await node(TSC, '-p', 'tsconfig.browser.json')).toBe('');
});

describe('the SDKs', () => {
  test.each([
    ['node', 'es2022'],
    ['node16', 'node16'],
    ['bundler', 'es2022'],
  ])(
    'compile with the oldest TypeScript, with modules resolved by %s',
    { timeout: COMPILE_TIMEOUT_MS },
    async (resolution, module) => {
      const how = ['--moduleResolution', resolution, '--module', module];
      expect(await node(OLDEST_TSC, '-p', 'tsconfig.sdks.json', ...how)).toBe('');
    },
  );

  test('run on the oldest Node', { timeout: COMPILE_TIMEOUT_MS }, async () => {
    const { stdout } = await execute(join(project.folder, OLDEST_NODE), ['sdks.mjs'], {
      cwd: project.folder,
    });
    expect(stdout).toMatch(/^v20\.\S+ published got answered\n$/);
  });
});

test('the program runs', { timeout: COMPILE_TIMEOUT_MS }, async () => {
  expect(await node('main.ts')).toBe('consumer: ok\n');
});

describe.each(PUBLISHED)('%s', (name) => {
  const tarball = () => readFile(project.tarballs[name]);

  test('publint has nothing to say', async () => {
    const data = await tarball();
    const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
    const { messages } = await publint({ pack: { tarball: buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  test('its types are those of its JavaScript, as ES modules', async () => {
    const result = await checkPackage(createPackageFromTarballData(await tarball()));
    expect(result.types).not.toBe(false);
    const problems = 'problems' in result ? result.problems : [];
    // ES modules only: CommonJS importers use import(), which Node 24 needs no tricks for.
    const relevant = problems.filter(
      (problem) =>
        !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind)),
    );
    expect(relevant).toEqual([]);
  });

  test('comes with a license and a readme, and without sources or tests', async () => {
    const files = createPackageFromTarballData(await tarball())
      .listFiles()
      .map((file) => file.split(`@carillon/${name}/`)[1]);
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(files.filter((file) => /^src\/|\.test\.|\.suite\./.test(file ?? ''))).toEqual([]);
  });
});

test('the client brings a file for pages without a bundler', async () => {
  const packed = createPackageFromTarballData(await readFile(project.tarballs.client));
  const file = packed.readFile('/node_modules/@carillon/client/dist/carillon-client.min.js');
  expect(file).toMatch(/^var Carillon=/);
});

test('the broker brings its scripts', async () => {
  const files = createPackageFromTarballData(await readFile(project.tarballs.broker)).listFiles();
  expect(files.filter((file) => file.endsWith('.lua'))).not.toEqual([]);
});
