import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';

/** Can this user keep caches in the home folder? Else they go into .tools/. */
export function homeIsWritable() {
  try {
    accessSync(homedir(), constants.W_OK);
    return true;
  } catch {
    // Absent, or not ours: a container that runs under an arbitrary user id.
    return false;
  }
}
