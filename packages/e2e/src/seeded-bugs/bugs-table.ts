import { BUGS } from './bugs.ts';
import { SCENARIOS } from './scenarios.ts';

/** One row of the documentation per bug. */
export function bugsTable(): readonly string[] {
  return Object.entries(BUGS).map(([name, { what, scenario, violates }]) => {
    const { story } = SCENARIOS[scenario];
    return `| \`${name}\` | ${what} | ${story} | ${violates.map((invariant) => `\`${invariant}\``).join(', ')} |`;
  });
}
