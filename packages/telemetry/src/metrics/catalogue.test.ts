import { expect, it } from 'vitest';
import { METRICS } from './catalogue.ts';
import type { MetricDeclaration } from './registry.ts';

const ALL: readonly MetricDeclaration[] = Object.values(METRICS);

it.each(ALL)('$name follows the conventions of Prometheus', ({ name, type, help, labels = [], buckets }) => {
  expect(name).toMatch(/^carillon_[a-z][a-z0-9_]*$/);
  expect(name.endsWith('_total'), 'counters, and only they, end in _total').toBe(type === 'counter');
  if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes|messages)$/);
  expect(buckets !== undefined).toBe(type === 'histogram');
  expect(buckets ?? []).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
  expect(help).toMatch(/^[A-Z0-9].*\.$/);
  for (const label of labels) expect(label).toMatch(/^(?!le$|quantile_)[a-z][a-z_]*$/);
});

it('declares each name once', () => {
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
});
