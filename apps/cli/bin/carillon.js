#!/usr/bin/env node
// Starts src/main.ts (in a checkout) or dist/main.js (installed). Plain JavaScript for any Node from 18 on: when the running
// Node is too old for the sources, the one that `npm start` has fetched takes over.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const MIN_MAJOR = 24;

const built = new URL('../dist/main.js', import.meta.url);
const source = new URL('../src/main.ts', import.meta.url);
// A checkout runs from its sources: what was built there once may be old.
const main = existsSync(fileURLToPath(source)) ? source : built;

const bootstrap = new URL('../../../bootstrap/', import.meta.url);
const inCheckout = existsSync(fileURLToPath(bootstrap));

/** A checkout compiles its sources once, not at every start. */
async function keepCompiledCode() {
  const { compileCache } = await import(new URL('compile-cache.mjs', bootstrap).href);
  const folder = compileCache();
  if (folder !== undefined) module.enableCompileCache(folder);
}

/** Runs the command with the Node of the checkout. `undefined`: there is none. */
async function runWithFetchedNode() {
  if (!inCheckout) return undefined;
  const { resolveNode } = await import(new URL('node-path.mjs', bootstrap).href);
  const { handOver } = await import(new URL('hand-over.mjs', bootstrap).href);
  const node = resolveNode();
  return node && handOver(node, [fileURLToPath(main), ...process.argv.slice(2)]);
}

if (Number(process.versions.node.split('.')[0]) >= MIN_MAJOR) {
  if (inCheckout) await keepCompiledCode();
  await import(main.href);
} else {
  const exitCode = await runWithFetchedNode();
  if (exitCode === undefined) {
    console.error(`carillon needs Node ${MIN_MAJOR} or newer; this is ${process.version}.`);
    console.error(
      'In a checkout run `npm start` once: it fetches the right one. Else see https://nodejs.org',
    );
  }
  process.exitCode = exitCode ?? 1;
}
