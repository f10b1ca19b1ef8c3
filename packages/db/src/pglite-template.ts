import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Making an empty PGlite takes seconds, copying one takes a twentieth of a second. The template lies beside the installed
 * packages and is named after the very PGlite that made it; without it everything works, the first start takes longer.
 */
function pgliteTemplate(): string {
  const made = createHash('sha256')
    .update(import.meta.resolve('@electric-sql/pglite'))
    .digest('hex');
  return fileURLToPath(new URL(`../node_modules/.cache/pglite-${made.slice(0, 12)}`, import.meta.url));
}

/** Makes the template, when it isn't there. Safe when several do so at once. */
export async function makePgliteTemplate(): Promise<void> {
  const template = pgliteTemplate();
  if (existsSync(template)) return;
  const { PGlite } = await import('@electric-sql/pglite');
  const making = `${template}.${process.pid}`;
  await mkdir(dirname(template), { recursive: true });
  const pglite = await PGlite.create(making);
  await pglite.close();
  await moveInto(making, template);
}

/** A copy of the template as `dataDir`, when there is a template and no `dataDir` yet. */
export async function copyPgliteTemplate(dataDir: string): Promise<void> {
  const template = pgliteTemplate();
  if (existsSync(dataDir) || !existsSync(template)) return;
  const copying = `${dataDir}.copying-${process.pid}`;
  await mkdir(dirname(dataDir), { recursive: true });
  await cp(template, copying, { recursive: true });
  await moveInto(copying, dataDir);
}

/** Whole or not at all: a process that ends half-way leaves nothing that looks finished. */
async function moveInto(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    await rm(from, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  }
}
