/** Numbers as text, for pages and tables. */

export const us = (value: number): string => {
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} s`;
  if (value >= 100_000) return `${(value / 1000).toFixed(0)} ms`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 0)} µs`;
};

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export const rate = (value: number): string => `${count(value)}/s`;

export const bytes = (value: number): string => `${(value / 1000).toFixed(1)} KB`;
