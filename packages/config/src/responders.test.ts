import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { responderEndpoints, respondersKind } from './responders.ts';

const PRICES = {
  name: 'prices',
  url: 'https://example.com/ask',
  methods: ['quotes.price'],
  secrets: ['0123456789abcdef'],
};

describe('CARILLON_RESPONDERS', () => {
  it('completes what is not given', () => {
    expect(responderEndpoints([{ ...PRICES, timeoutMs: '2s' }])).toEqual([
      { ...PRICES, apps: ['default'], timeoutMs: 2000, concurrency: 16, maxAnswerBytes: 65_536 },
    ]);
  });

  it.each([
    [
      'quotes.price',
      [PRICES, { ...PRICES, name: 'other' }],
      '1.methods: "default/quotes.price" is answered twice',
    ],
    ['a name', [PRICES, { ...PRICES, methods: ['b'] }], '1.name: "prices" is there twice'],
    ['a wrong method', [{ ...PRICES, methods: ['a b'] }], '0.methods.0: is no name of a method'],
    ["a method of the system's", [{ ...PRICES, methods: ['#user:a'] }], 'is no name of a method'],
    ['no method', [{ ...PRICES, methods: [] }], '0.methods'],
    ['a short secret', [{ ...PRICES, secrets: ['short'] }], '0.secrets.0: expected at least 16 characters'],
    ['another protocol', [{ ...PRICES, url: 'ftp://example.com' }], 'expected https:// or http://'],
  ])('refuses %s', (_what, definitions, fault) => {
    expect(() => responderEndpoints(definitions)).toThrow(ConfigError);
    expect(() => responderEndpoints(definitions)).toThrow(fault);
  });

  it('never shows what was given: secrets may stand in it', () => {
    expect(respondersKind.parse('[{"secrets":["tiny-secret-text')).toEqual({ fault: 'it is not JSON' });
  });
});
