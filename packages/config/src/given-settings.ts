import type { EffectiveSetting } from './load.ts';

/** For the log line at start: what was set, i.e. is not the default. Secrets appear as fingerprints. */
export function givenSettings(effective: readonly EffectiveSetting[]): string[] {
  return effective
    .filter(({ source }) => source === 'environment' || source === 'file')
    .map(({ variable, shown }) => `${variable} is ${shown}`);
}
