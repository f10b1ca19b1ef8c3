import { expect, it } from 'vitest';
import { chart, logScale, tickText } from './svg-chart.ts';

it('reaches from a tick below the values to one above', () => {
  const { ticks, at } = logScale([12, 450]);
  expect(ticks).toEqual([10, 30, 100, 300, 1000]);
  expect(at(10)).toBe(0);
  expect(at(1000)).toBe(1);
  expect(at(100)).toBeCloseTo(0.5);
});

it('has an axis for a single value, too', () => {
  const { ticks } = logScale([5]);
  expect(ticks.length).toBeGreaterThan(1);
  expect(ticks[0]).toBeLessThanOrEqual(5);
  expect(ticks.at(-1)).toBeGreaterThanOrEqual(5);
});

it.each([[[]], [[0, 1]], [[-1]], [[Number.NaN]], [[Number.POSITIVE_INFINITY]]])('refuses %j', (values) => {
  expect(() => logScale(values)).toThrow('above 0');
});

it('writes large numbers short', () => {
  expect([0.5, 30, 1000, 15_000].map(tickText)).toEqual(['0.5', '30', '1k', '15k']);
});

it('draws each series with its name, the axes with their units, and colours for dark pages', () => {
  const panel = {
    xLabel: 'channels',
    yLabel: 'µs per message',
    series: [
      { name: 'a < b', points: [[1, 5] as const, [10, 6] as const] },
      { name: 'other', points: [[1, 5] as const, [10, 6] as const] },
    ],
  };
  const svg = chart('Cost & latency', [panel]);
  for (const part of [
    'Cost &amp; latency',
    'channels',
    'µs per message',
    'a &lt; b',
    'prefers-color-scheme: dark',
  ])
    expect(svg).toContain(part);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  const names = [...svg.matchAll(/y="([\d.]+)" class="name"/g)].map(([, y]) => Number(y));
  expect(Math.abs(names[0]! - names[1]!)).toBeGreaterThanOrEqual(13);
});
