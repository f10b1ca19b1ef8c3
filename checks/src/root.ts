import { dirname } from 'node:path';

/** The checkout. */
export const ROOT = dirname(dirname(import.meta.dirname));
