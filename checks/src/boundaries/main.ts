/** Checks that imports go the way the architecture says, after checking that the check finds anything. */
import pc from 'picocolors';
import { ROOT } from '../root.ts';
import { runCanary } from './canary.ts';
import { cruiseWorkspace } from './cruise.ts';

const canary = await runCanary();
for (const { rule, from } of canary.silent) {
  console.error(`${pc.red('blind')} rule ${rule} did not fire on the canary's ${from}`);
}
for (const { rule, from } of canary.unfounded) {
  console.error(`${pc.red('wrong')} rule ${rule} fired on the canary's ${from}`);
}
for (const rule of canary.untested)
  console.error(`${pc.red('untested')} the canary does not break rule ${rule}`);

const { violations, files, imports } = await cruiseWorkspace(ROOT);
for (const { rule, comment, from, to } of violations) {
  console.error(`${pc.red(rule)} ${from} → ${to}\n  ${pc.dim(comment)}`);
}

const isBlind = canary.silent.length + canary.unfounded.length + canary.untested.length > 0;
if (violations.length > 0 || isBlind) process.exitCode = 1;
else console.log(`${files} files, ${imports} imports, every rule seen firing`);
