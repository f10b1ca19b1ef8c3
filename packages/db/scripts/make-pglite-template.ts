/** Run once after an installation, so that the first start on a new data folder is as quick as later ones. */
import { makePgliteTemplate } from '../src/pglite-template.ts';

await makePgliteTemplate();
