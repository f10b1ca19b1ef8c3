/**
 * Builds the package in the current folder into dist/: JavaScript, declarations, and whatever else lies beside the
 * sources (Lua scripts, for one). Called as the `build` script of every package, and with --if-missing before it is packed.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const SOURCE = 'src';
const OUTPUT = 'dist';

/** Imports that TypeScript leaves as they are in declarations: `rewriteRelativeImportExtensions` only covers JavaScript. */
const RELATIVE_TS_IMPORT = /((?:\bfrom|\bimport)\s*\(?\s*(['"]))(\.{1,2}\/[^'"\n]+)\.ts\2/g;

/** @param {string} folder */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function compile() {
  const packageFolder = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const { status, error } = spawnSync(
    process.execPath,
    [join(packageFolder, 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    {
      stdio: 'inherit',
    },
  );
  if (error) throw error;
  return status ?? 1;
}

/** Generic only from TypeScript 5.7 on; without its argument it is what it was before. */
const GENERIC_BYTES = /\bUint8Array<ArrayBuffer(?:Like)?>/g;

function adaptDeclarations() {
  for (const file of filesBelow(OUTPUT)) {
    if (!file.endsWith('.d.ts')) continue;
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replace(RELATIVE_TS_IMPORT, '$1$3.js$2').replace(GENERIC_BYTES, 'Uint8Array');
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

function copyAssets() {
  for (const file of filesBelow(SOURCE)) {
    if (/\.tsx?$/.test(file)) continue;
    const target = join(OUTPUT, relative(SOURCE, file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

if (!existsSync('package.json') || !existsSync(SOURCE)) {
  console.error(
    `build-package: no package.json and ${SOURCE}/ in ${process.cwd()}; run it in a package's folder`,
  );
  process.exit(1);
}
// Before a tarball is made: an unbuilt package would be an empty one.
if (process.argv.includes('--if-missing') && existsSync(OUTPUT)) process.exit(0);
// Output of removed sources would end up in the tarball.
rmSync(OUTPUT, { recursive: true, force: true });
const status = compile();
if (status === 0) {
  adaptDeclarations();
  copyAssets();
}
process.exitCode = status;
