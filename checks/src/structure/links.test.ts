import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLinks, markdownFiles } from './links.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'carillon-links-'));
  writeFileSync(join(root, 'there.md'), '# A heading, with `code`\n');
  writeFileSync(
    join(root, 'page.md'),
    [
      '[fine](there.md) [fine](there.md#a-heading-with-code) [fine](https://example.com/x.md) [fine](#here)',
      '# Here',
      '[gone](gone.md) [no heading](there.md#nothing) ![picture](gone.png)',
      '`[code](gone2.md)`',
      '```\n[code](gone3.md)\n```',
    ].join('\n'),
  );
});
afterAll(() => rmSync(root, { recursive: true }));

test('links to files and headings that are not there are found', () => {
  expect(markdownFiles(root)).toEqual(['page.md', 'there.md']);
  expect(brokenLinks(root, 'page.md').map(({ message }) => message.split(' ')[0])).toEqual([
    'gone.md',
    'there.md#nothing',
    'gone.png',
  ]);
});
