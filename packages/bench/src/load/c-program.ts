/** The parts of the load that are in C: built into a temporary folder, where there is a compiler. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../../floor/', import.meta.url));
const built = new Map<string, string | undefined>();

/** Path of the built program; `undefined`, after a line on stderr, where it can't be built. */
export function cProgram(name: 'fanout' | 'crowd' | 'resume' | 'relay'): string | undefined {
  if (!built.has(name)) built.set(name, build(name));
  return built.get(name);
}

function build(name: string): string | undefined {
  const program = join(mkdtempSync(join(tmpdir(), 'carillon-bench-')), name);
  try {
    execFileSync('cc', ['-O2', '-o', program, join(SOURCES, `${name}.c`)]);
    return program;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : error;
    process.stderr.write(`no ${name} program: ${why}\n`);
    return undefined;
  }
}
