import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT } from './places.mjs';

/** turbo's launcher, to be run by Node: unlike node_modules/.bin it is the same on all systems. */
export function turbo() {
  const require = createRequire(join(ROOT, 'package.json'));
  return join(dirname(require.resolve('turbo/package.json')), 'bin', 'turbo');
}
