#!/usr/bin/env node
// Starts src/main.ts (in a checkout) or dist/main.js (installed). Plain JavaScript for any Node from 18 on: when the running
// Node is too old for the sources, the one that `npm start` has fetched takes over.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MIN_MAJOR = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const built = new URL('../dist/main.js', import.meta.url);
const source = new URL('../src/main.ts', import.meta.url);
// A checkout runs from its sources: what was built there once may be old.
const main = existsSync(fileURLToPath(source)) ? source : built;

async function fittingNode() {
  if (Number(process.versions.node.split('.')[0]) >= MIN_MAJOR) return process.execPath;
  try {
    const { resolveNode } = await import('../../../bootstrap/node-path.mjs');
    return resolveNode();
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; the child decides when it is over.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`carillon: ${node} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of SIGNALS) process.removeAllListeners(name);
    if (signal !== null) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}

const node = await fittingNode();
if (node === process.execPath) await import(main.href);
else if (node !== undefined) runWith(node);
else {
  console.error(`carillon needs Node ${MIN_MAJOR} or newer; this is ${process.version}.`);
  console.error('In a checkout run `npm start` once: it fetches the right one. Else see https://nodejs.org');
  process.exitCode = 1;
}
