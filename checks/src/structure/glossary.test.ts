import { expect, test } from 'vitest';
import { ROOT } from '../root.ts';
import { sourceFiles } from './files.ts';
import { findGlossaryFaults, glossaryFaults } from './glossary.ts';
import { markdownFiles } from './links.ts';

const SPEC =
  '| word | meaning |\n|---|---|\n| frame | One WebSocket message. |\n| gateway, server | The other end. |\n\n';
const USES = ['a frame of the gateway', 'const laneOf = server;'];

function glossary(...rows: readonly string[]): string {
  return ['# Glossary', '', '| term | meaning | specified in |', '|---|---|---|', ...rows, '', 'Text.'].join(
    '\n',
  );
}
const FRAME = '| frame | One WebSocket message. | [SPEC](a.md) |';
const GATEWAY = '| gateway, server | The other end. | [SPEC](a.md) |';

test('a glossary in the words of the specification has no fault', () => {
  const lane = '| lane | The way of a message. | [design](b.md) |';
  expect(findGlossaryFaults(glossary(FRAME, GATEWAY, lane), SPEC, USES)).toEqual([]);
});

test('a contradiction, a missing word, a missing link, an unused term and a second entry are found', () => {
  const rows = [
    '| frame | A picture. | [SPEC](a.md) |',
    '| lane | The way of a message. | design |',
    '| epoch | A run. | [SPEC](a.md) |',
    '| lane | A road. | [design](b.md) |',
  ];
  expect(findGlossaryFaults(glossary(...rows), SPEC, USES)).toEqual([
    '"lane" needs a meaning and a link to its specification',
    '"epoch" is used in no page and no source',
    '"lane" has two entries',
    '"frame" has another meaning, or none, than in packages/protocol/SPEC.md',
    '"gateway, server" has another meaning, or none, than in packages/protocol/SPEC.md',
  ]);
});

test('tables that are not found are a fault, not an empty glossary', () => {
  expect(findGlossaryFaults('# Glossary', SPEC, USES)).toEqual(['a table of terms is missing']);
  expect(findGlossaryFaults(glossary(FRAME), '# Specification', USES)).toEqual([
    'a table of terms is missing',
  ]);
});

test('the glossary of this repository', () => {
  const sources = sourceFiles(ROOT).map(({ path }) => path);
  expect(glossaryFaults(ROOT, [...markdownFiles(ROOT), ...sources])).toEqual([]);
});
