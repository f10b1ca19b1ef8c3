import type { Position } from '@carillon/client';
import { usageError } from '../cli-error.ts';

/** Reads `epoch:seq`, as `carillon sub` shows it. */
export function parsePosition(text: string): Position {
  const match = /^([0-9A-Za-z_-]{1,32}):(\d+)$/.exec(text);
  if (match === null) {
    throw usageError(
      `"${text}" is not a position`,
      'A position is epoch:seq, e.g. m1x2y3z4abcd:42; each message has one.',
    );
  }
  return { epoch: match[1]!, seq: Number(match[2]) };
}

/** Reads a whole number above 0. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw usageError(`"${text}" is not a whole number above 0`);
  return count;
}
