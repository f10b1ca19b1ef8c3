import { chmodSync, renameSync, writeFileSync } from 'node:fs';

const ONLY_OWNER = 0o600;

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: ONLY_OWNER });
  chmodSync(draft, ONLY_OWNER); // the mode above is for new files only, and less the umask
  renameSync(draft, path);
}
