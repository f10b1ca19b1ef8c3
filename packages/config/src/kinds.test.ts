import { expect, test } from 'vitest';
import { choice, decimal, flag, integer, listOf, text, url } from './kinds.ts';
import { logLevels } from './log-levels.ts';
import { cidr } from './network.ts';

const FAULT = { fault: expect.any(String) };

test('integers', () => {
  const kind = integer(0, 65_535);
  expect(kind.parse('0')).toEqual({ value: 0 });
  expect(kind.parse('65535')).toEqual({ value: 65_535 });
  for (const wrong of ['', '-1', '65536', '1.0', '1e3', '0x1', 'abc', '99999999999999999999', '１']) {
    expect(kind.parse(wrong), wrong).toEqual(FAULT);
  }
});

test('decimals', () => {
  expect(decimal(0, 1).parse('0.01')).toEqual({ value: 0.01 });
  for (const wrong of ['', '1.1', '.5', 'NaN', 'Infinity', '1e-2'])
    expect(decimal(0, 1).parse(wrong)).toEqual(FAULT);
});

test('switches', () => {
  for (const on of ['true', 'TRUE', '1', 'on', 'yes']) expect(flag().parse(on)).toEqual({ value: true });
  for (const off of ['false', '0', 'off', 'no']) expect(flag().parse(off)).toEqual({ value: false });
  expect(flag().parse('maybe')).toEqual(FAULT);
});

test('choices and text', () => {
  expect(choice(['a', 'b']).parse('b')).toEqual({ value: 'b' });
  expect(choice(['a', 'b']).parse('c')).toEqual(FAULT);
  expect(text(/^x$/, 'x').parse('y')).toEqual(FAULT);
});

test('URLs: the scheme is checked and named', () => {
  const kind = url('redis', 'rediss');
  expect(kind.parse('rediss://h:1/0')).toEqual({ value: 'rediss://h:1/0' });
  expect(kind.parse('http://h')).toEqual({ fault: 'its scheme is http://' });
  expect(kind.parse('redis://h:0')).toEqual({ fault: 'nobody can be reached at port 0' });
  expect(kind.parse('redis://h:65536')).toEqual({ fault: 'it is not a URL' });
  expect(kind.parse('localhost')).toEqual({ fault: 'it is not a URL' });
});

test('lists: items are trimmed, empty ones ignored, the wrong one named', () => {
  const kind = listOf(integer(1, 9));
  expect(kind.parse(' 1, 2,,3 ')).toEqual({ value: [1, 2, 3] });
  expect(kind.parse('1,x,3')).toEqual({ fault: 'the item "x" is wrong' });
});

test.each(['10.0.0.0/8', '192.168.1.1', '::1', 'fd00::/8', '0.0.0.0/0'])('%s is a block', (block) => {
  expect(cidr.parse(block)).toEqual({ value: block });
});

test.each(['10.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', 'localhost'])(
  '%s is no block',
  (block) => {
    expect(cidr.parse(block)).toEqual(FAULT);
  },
);

test('log levels, for all and for modules', () => {
  expect(logLevels.parse('debug')).toEqual({ value: { level: 'debug', modules: {} } });
  expect(logLevels.parse('warn, ingress=DEBUG')).toEqual({
    value: { level: 'warn', modules: { ingress: 'debug' } },
  });
  expect(logLevels.parse('ingress=trace')).toEqual({
    value: { level: 'info', modules: { ingress: 'trace' } },
  });
  for (const wrong of ['loud', 'info,x', 'a=b', 'a=info=info', '__proto__ x=info']) {
    expect(logLevels.parse(wrong)).toEqual(FAULT);
  }
});
