/** Checks file sizes, names, the links between the pages of documentation, and the glossary. */
import pc from 'picocolors';
import { ROOT } from '../root.ts';
import { sourceFiles } from './files.ts';
import { glossaryFaults } from './glossary.ts';
import { brokenLinks, markdownFiles } from './links.ts';
import { untestedExamples } from './proxy-examples.ts';
import { registryNames } from './registry-names.ts';
import { structureViolations } from './rules.ts';

const files = sourceFiles(ROOT);
const pages = markdownFiles(ROOT);
const texts = [...pages, ...files.map(({ path }) => path).filter((path) => !/\.test\.tsx?$/.test(path))];
const violations = [
  ...structureViolations(files),
  ...pages.flatMap((page) => [...brokenLinks(ROOT, page), ...untestedExamples(ROOT, page)]),
  ...texts.flatMap((path) => registryNames(ROOT, path)),
  ...glossaryFaults(ROOT, texts),
];
for (const { rule, path, message } of violations) console.error(`${pc.red(rule)} ${path}\n  ${message}`);
if (violations.length > 0) process.exitCode = 1;
else console.log(`${files.length} files, ${pages.length} pages`);
