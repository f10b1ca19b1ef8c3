/** Numbers inside of JSON settings. What is wrong is said with both bounds, and never with the value: some stand beside secrets. */
import { z } from 'zod';
import { formatDurationMs, parseDurationMs } from './units.ts';

export function wholeNumber(min: number, max: number) {
  const expected = `expected a whole number, ${min}..${max}`;
  return z.number(expected).int(expected).min(min, expected).max(max, expected);
}

/** Milliseconds, as number or as text with a unit. */
export function duration(minMs: number, maxMs: number) {
  const range = `${withUnit(minMs)}..${withUnit(maxMs)}`;
  const expected = `expected ${range}, in milliseconds or as text like "500ms", "5s", "24h"`;
  return z.union([z.number(), z.string()], expected).transform((given, context) => {
    const valueMs = typeof given === 'number' ? given : parseDurationMs(given);
    if (Number.isSafeInteger(valueMs) && valueMs! >= minMs && valueMs! <= maxMs) return valueMs!;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

function withUnit(valueMs: number): string {
  const text = formatDurationMs(valueMs);
  return /^[1-9]\d*$/.test(text) ? `${text}ms` : text;
}
