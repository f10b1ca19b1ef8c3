/** Checks file sizes and names. */
import pc from 'picocolors';
import { ROOT } from '../root.ts';
import { sourceFiles } from './files.ts';
import { structureViolations } from './rules.ts';

const files = sourceFiles(ROOT);
const violations = structureViolations(files);
for (const { rule, path, message } of violations) console.error(`${pc.red(rule)} ${path}\n  ${message}`);
if (violations.length > 0) process.exitCode = 1;
else console.log(`${files.length} files`);
