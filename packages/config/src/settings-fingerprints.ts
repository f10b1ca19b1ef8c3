import { createHash } from 'node:crypto';
import type { EffectiveSetting } from './load.ts';

export interface SettingsFingerprints {
  /** Of each secret that is given and long enough to have one, by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Of all other settings together, but for the name of the process: equal settings, equal digits. */
  readonly settings: string;
}

/** By which two processes can be compared without telling what they were given. */
export function settingsFingerprints(effective: readonly EffectiveSetting[]): SettingsFingerprints {
  const secrets: Record<string, string> = {};
  const hash = createHash('sha256');
  for (const { variable, compared, fingerprint } of effective.toSorted(byVariable)) {
    if (fingerprint !== undefined) secrets[variable] = fingerprint;
    else if (variable !== 'CARILLON_NODE_ID') hash.update(`${variable}=${compared}\n`);
  }
  return { secrets, settings: hash.digest('hex').slice(0, 8) };
}

function byVariable(a: EffectiveSetting, b: EffectiveSetting): number {
  return a.variable < b.variable ? -1 : 1;
}
