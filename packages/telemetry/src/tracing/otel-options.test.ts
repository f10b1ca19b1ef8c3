import { expect, it } from 'vitest';
import { pairsOf } from './otel-options.ts';

it('reads pairs as OpenTelemetry writes them', () => {
  expect(pairsOf('a=1, b = x%20y ,c=d=e,nothing,=v')).toEqual({ a: '1', b: 'x y', c: 'd=e' });
  expect(pairsOf(undefined)).toEqual({});
});

it('takes a percent sign that begins no escape as it stands', () => {
  expect(pairsOf('auth=50%')).toEqual({ auth: '50%' });
});
