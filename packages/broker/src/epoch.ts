import { randomInt } from 'node:crypto';

const TIME_CHARS = 8;
const RANDOM_CHARS = 4;

/** A new epoch: 8 characters of the time and 4 random ones, base 36, so that the epochs of a channel sort by age. */
export function makeEpoch(nowMs: number = Date.now()): string {
  const random = randomInt(36 ** RANDOM_CHARS).toString(36);
  return nowMs.toString(36).padStart(TIME_CHARS, '0').slice(-TIME_CHARS) + random.padStart(RANDOM_CHARS, '0');
}

const EPOCH = /^[0-9a-z]{12}$/;

/** When an epoch was made, in milliseconds since 1970 on the clock of the broker; `undefined` for what is none. */
export function epochTimeMs(epoch: string): number | undefined {
  return EPOCH.test(epoch) ? Number.parseInt(epoch.slice(0, TIME_CHARS), 36) : undefined;
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** An epoch that sorts after `old`, whatever the clocks say: `fresh` where that does. */
export function laterEpoch(old: string, fresh: string): string {
  if (fresh > old) return fresh;
  for (let at = old.length - 1; at >= 0; at--) {
    const next = DIGITS[DIGITS.indexOf(old[at]!) + 1];
    if (DIGITS.includes(old[at]!) && next !== undefined)
      return `${old.slice(0, at)}${next}`.padEnd(old.length, '0');
  }
  return fresh;
}
