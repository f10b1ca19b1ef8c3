/** `npm run test:charts -- --write`: writes what is generated for the charts. */
import { generatedFiles, writeGeneratedFiles } from './files.ts';

writeGeneratedFiles();
console.log(`${generatedFiles().size} files written`);
