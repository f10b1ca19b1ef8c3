import { CarillonError } from '@carillon/protocol';
import { expect, it } from 'vitest';
import { isOutage, reasonOf } from './outage.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

it.each([
  withCode('ECONNREFUSED'),
  withCode('ENOTFOUND'),
  new CarillonError('UNAVAILABLE'),
  new Error('reading failed', { cause: new Error('again', { cause: withCode('ETIMEDOUT') }) }),
])('%s is an outage', (error) => {
  expect(isOutage(error)).toBe(true);
});

it.each([
  new TypeError('x'),
  withCode('ERR_INVALID_ARG_TYPE'),
  new CarillonError('CHANNEL_INVALID'),
  'ECONNREFUSED',
  undefined,
])('%s is none', (error) => {
  expect(isOutage(error)).toBe(false);
});

it('does not follow causes for ever', () => {
  const error = new Error('x');
  error.cause = error;
  expect(isOutage(error)).toBe(false);
});

it('finds words for whatever was thrown', () => {
  expect(reasonOf(new Error('away'))).toBe('away');
  expect(reasonOf('text')).toBe('text');
  expect(reasonOf(new RangeError())).toBe('RangeError');
  expect(reasonOf(new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]))).toBe(
    '::1 refused; 127.0.0.1 refused',
  );
});
