import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BOOTSTRAP = fileURLToPath(new URL('../../../../bootstrap/run.mjs', import.meta.url));

/** How people call this program: by its script in a checkout, by its name where it is installed. */
export const COMMAND = existsSync(BOOTSTRAP) ? './carillon' : 'carillon';
