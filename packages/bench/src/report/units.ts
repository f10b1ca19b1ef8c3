/** Numbers as text, for pages and tables. */

/** Where nothing was measured: a peer that did not get through the work. In a results file it is null. */
const NONE = 'none';

export const us = (value: number): string => {
  if (!Number.isFinite(value)) return NONE;
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} s`;
  if (value >= 100_000) return `${(value / 1000).toFixed(0)} ms`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 0)} µs`;
};

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export const rate = (value: number): string => `${count(value)}/s`;

export const ratio = (value: number, base: number): string =>
  Number.isFinite(value) && Number.isFinite(base) ? (value / base).toFixed(2) : NONE;

export const bytes = (value: number): string => `${(value / 1000).toFixed(1)} KB`;
