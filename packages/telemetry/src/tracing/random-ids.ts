import { randomFillSync } from 'node:crypto';

/** A call for each id takes longer than all the rest of a span's beginning. */
const pool = Buffer.allocUnsafeSlow(8192);
let used = pool.length;

/** Hexadecimal. All zeros would be invalid; 64 random bits and more never are. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const from = used;
  used += bytes;
  return pool.toString('hex', from, used);
}

export const randomTraceId = (): string => randomHex(16);
export const randomSpanId = (): string => randomHex(8);
