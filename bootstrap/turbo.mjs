import { join } from 'node:path';
import { ROOT } from './places.mjs';

/** turbo's launcher, to be run by Node: unlike the link in node_modules/.bin it is the same on all systems. */
export const TURBO = join(ROOT, 'node_modules', 'turbo', 'bin', 'turbo');
