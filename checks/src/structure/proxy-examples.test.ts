import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untestedExamples } from './proxy-examples.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'carillon-examples-'));
  mkdirSync(join(root, 'infra/proxies'), { recursive: true });
  writeFileSync(join(root, 'infra/proxies/nginx.conf'), 'http {\n  server {\n    listen 80;\n  }\n}\n');
});
afterAll(() => rmSync(root, { recursive: true }));

function untested(page: string): string[] {
  writeFileSync(join(root, 'page.md'), page);
  return untestedExamples(root, 'page.md').map(({ message }) => message);
}

it('an example is a part of a tested configuration, however it is indented', () => {
  expect(untested('```nginx\nserver {\n  listen 80;\n}\n```\n')).toEqual([]);
});

it.each(['nginx', 'haproxy'])('another setting in an example of %s is found', (language) => {
  expect(untested(`text\n\`\`\`${language}\nserver {\n  listen 81;\n}\n\`\`\`\n`)).toEqual([
    'no file of infra/proxies has "server {" as it is here',
  ]);
});

it('other examples are not looked at', () => {
  expect(untested('```caddy\nserver {\n}\n```\n')).toEqual([]);
});
