import type { Kind, Parsed } from './setting.ts';

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

function parseQuantity(given: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = /^(\d{1,15})\s*([A-Za-z]*)$/.exec(given);
  const factor = units.get(match?.[2] ?? '?');
  if (match === null || factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

function formatQuantity(value: number, units: ReadonlyMap<string, number>): string {
  let best = String(value);
  for (const [name, factor] of units) {
    if (factor > 1 && value >= factor && value % factor === 0) best = `${value / factor}${name}`;
  }
  return best;
}

/** Milliseconds of `250`, `250ms`, `25s`, `5m`, `24h`, `7d`; `undefined` for anything else. */
export function parseDurationMs(given: string): number | undefined {
  return parseQuantity(given, MILLISECONDS);
}

/** A duration as a person would write it: 90000 -> `90s`. */
export function formatDurationMs(valueMs: number): string {
  return formatQuantity(valueMs, MILLISECONDS);
}

/** Bytes of `65536`, `64KiB`, `1MiB`; `undefined` for anything else. */
export function parseBytes(given: string): number | undefined {
  return parseQuantity(given, BYTES);
}

/** A size as a person would write it: 65536 -> `64KiB`. */
export function formatBytes(value: number): string {
  return formatQuantity(value, BYTES);
}

interface Quantity {
  readonly unit: string;
  readonly hint: string;
  readonly parse: (given: string) => number | undefined;
  readonly format: (value: number) => string;
}

function quantity(shape: Quantity, min: number, max: number): Kind<number> {
  return {
    allowed: `${shape.hint}, ${shape.format(min)}..${shape.format(max)}`,
    unit: shape.unit,
    format: shape.format,
    parse: (given): Parsed<number> => {
      const value = shape.parse(given);
      if (value === undefined) return { fault: '' };
      if (value < min) return { fault: `it is below ${shape.format(min)}` };
      return value > max ? { fault: `it is above ${shape.format(max)}` } : { value };
    },
  };
}

/** A duration in a range; a plain number is milliseconds. */
export function durationMs(minMs: number, maxMs: number): Kind<number> {
  const hint = 'milliseconds or a number with ms, s, m, h, d';
  return quantity({ unit: 'ms', hint, parse: parseDurationMs, format: formatDurationMs }, minMs, maxMs);
}

/** A size in a range; a plain number is bytes. */
export function bytes(min: number, max: number): Kind<number> {
  const hint = 'bytes or a number with KiB, MiB, GiB';
  return quantity({ unit: 'bytes', hint, parse: parseBytes, format: formatBytes }, min, max);
}
