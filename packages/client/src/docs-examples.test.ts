/** Every TypeScript example of the README and the guide compiles against the package as it is. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', '../../docs/guides/client.md', '../../docs/guides/binary.md'];
/** Declarations that examples may use without importing them. */
const SURROUNDINGS = `
declare function draw(payload: unknown): void;
declare function saveOrder(payload: unknown): Promise<void>;
declare function replaceAll(shapes: unknown): void;
declare function loadBoard(channel: string, reason: string): Promise<{ position: Position; shapes: unknown }>;
`;

async function examples(): Promise<string[]> {
  const pages = await Promise.all(PAGES.map((page) => readFile(join(PACKAGE, page), 'utf8')));
  return pages.flatMap((text) => [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!));
}

/** As a module of its own; the client is there where the example does not make one. */
function moduleOf(code: string): string {
  const client = /const client\b/.test(code) ? '' : 'declare const client: RealtimeClient;\n';
  return `import type { Position${client === '' ? '' : ', RealtimeClient'} } from '@carillon/client';\n${client}${SURROUNDINGS}${code}\n`;
}

it('the examples of the documentation compile', { timeout: 60_000 }, async () => {
  const codes = await examples();
  expect(codes.length).toBeGreaterThan(8);
  await mkdir(join(PACKAGE, '.reports'), { recursive: true });
  const folder = await mkdtemp(join(PACKAGE, '.reports', 'examples-'));
  try {
    await Promise.all(codes.map((code, n) => writeFile(join(folder, `example-${n}.ts`), moduleOf(code))));
    const options = { noUnusedLocals: false, lib: ['es2024', 'dom'] };
    const config = {
      extends: '../../../../tsconfig.base.json',
      compilerOptions: options,
      include: ['*.ts'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(PACKAGE, '../../node_modules/.bin/tsc');
    const output = await new Promise<string>((resolve) => {
      execFile(tsc, ['--noEmit', '--pretty', 'false', '-p', folder], (error, stdout) => {
        resolve(error === null ? '' : stdout || error.message);
      });
    });
    expect(output).toBe('');
  } finally {
    await rm(folder, { recursive: true });
  }
});
