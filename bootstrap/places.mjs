import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. Node 18 has no `import.meta.dirname`. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tools and state of the bootstrap; ignored by git, safe to delete. */
export const TOOLS = join(ROOT, '.tools');
