/**
 * Builds the package in the current folder into one file for pages without a bundler: dist/carillon-client.min.js, a classic script that
 * sets the global `Carillon`. Called after build-package.mjs; with --if-missing before the package is packed, with --outfile=<path> by tests.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** Oldest browsers that the README promises: Chrome and Edge 93, Firefox 96, Safari 15.4. */
const BROWSERS = ['chrome93', 'edge93', 'firefox96', 'safari15.4'];
const ENTRIES = ['index.ts', 'bytes.ts', 'protobuf.ts'];

const given = process.argv.find((argument) => argument.startsWith('--outfile='));
const outfile = resolve(given?.slice('--outfile='.length) ?? 'dist/carillon-client.min.js');
if (process.argv.includes('--if-missing') && existsSync(outfile)) process.exit(0);
// The client's own: the root does not depend on it.
const { build } = createRequire(join(process.cwd(), 'package.json'))('esbuild');
await build({
  stdin: {
    contents: ENTRIES.map((entry) => `export * from './${entry}';`).join('\n'),
    resolveDir: resolve('src'),
    loader: 'ts',
  },
  outfile,
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'Carillon',
  platform: 'browser',
  target: BROWSERS,
  legalComments: 'none',
  logLevel: 'warning',
});
