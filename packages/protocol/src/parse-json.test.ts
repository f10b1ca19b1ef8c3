import { describe, expect, it } from 'vitest';
import { parseJson, parsePayload } from './index.ts';

describe.each([
  ['parseJson', parseJson],
  ['parsePayload', parsePayload],
] as const)('%s', (_name, parse) => {
  it.each([
    '{"__proto__":{"admin":true},"a":1}',
    '{"\\u005f_proto__":{"admin":true},"a":1}',
    '{"__pr\\u006fto__":{"admin":true},"a":1}',
    '{"a":1,"__proto__":{"$bytes":"AAEC"}}',
  ])('leaves out what could set a prototype: %s', (text) => {
    const value = parse(text) as object;
    expect(Object.keys(value)).toEqual(['a']);
    const copy: { admin?: boolean } = Object.assign({}, value);
    expect(copy.admin).toBeUndefined();
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it('leaves it out however deep it stands', () => {
    expect(parse('[{"b":{"__proto__":1,"c":[{"__proto__":2}]}}]')).toEqual([{ b: { c: [{}] } }]);
  });

  it('gives everything else as it is', () => {
    const text = '{"proto":1,"a":["__proto__","\\u00e4\\u0000"],"n":null}';
    expect(parse(text)).toEqual(JSON.parse(text));
  });
});
