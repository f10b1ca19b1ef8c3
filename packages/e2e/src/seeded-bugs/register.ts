/**
 * `node --import <this file>` with `SEEDED_EDITS=<names>`: sources are changed while they are loaded, the files stay as they are. The
 * product has no switch for any of this.
 */
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import { environment } from './config.ts';
import { applyEdit, editsNamed } from './edits.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const edits = editsNamed(environment.seededEdits);

function edited(path: string, source: string): string {
  return edits.filter(({ file }) => path === ROOT + file).reduce(applyEdit, source);
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || loaded.source === undefined || loaded.source === null) return loaded;
    const path = fileURLToPath(url);
    if (!edits.some(({ file }) => path === ROOT + file)) return loaded;
    return { ...loaded, source: edited(path, String(loaded.source)) };
  },
});

// Lua scripts are no modules: the broker reads them as files.
const { readFileSync } = fs;
fs.readFileSync = ((file: fs.PathOrFileDescriptor, ...options: []) => {
  const content: unknown = readFileSync(file, ...options);
  const path = file instanceof URL ? fileURLToPath(file) : String(file);
  return typeof content === 'string' && path.endsWith('.lua') ? edited(path, content) : content;
}) as typeof readFileSync;
syncBuiltinESMExports();
