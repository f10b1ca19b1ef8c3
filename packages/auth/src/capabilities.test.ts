import { CAPABILITY_ACTIONS, type CapabilityAction } from '@carillon/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL_CAPABILITIES, allows, compileCapabilities, NO_CAPABILITIES } from './capabilities.ts';
import { createCapabilityStore } from './capability-store.ts';
import { compilePattern } from './channel-pattern.ts';
import { TokenError } from './token-error.ts';

const capabilities = compileCapabilities({
  'chat:*': ['subscribe', 'publish'],
  'chat:secret': ['history'],
  news: ['subscribe'],
  '*:log:*': ['presence'],
});

test.each<[CapabilityAction, string]>([
  ['subscribe', 'chat:lobby'],
  ['publish', 'chat:a:b'],
  ['subscribe', 'chat:'],
  ['history', 'chat:secret'],
  ['publish', 'chat:secret'],
  ['subscribe', 'news'],
  ['presence', 'a:log:b'],
  ['presence', ':log:'],
])('[S3] %s on %s is allowed', (action, channel) => {
  expect(allows(capabilities, action, channel)).toBe(true);
});

test.each<[CapabilityAction, string]>([
  ['history', 'chat:lobby'],
  ['presence', 'chat:lobby'],
  ['subscribe', 'chat'],
  ['subscribe', 'xchat:lobby'],
  ['subscribe', 'Chat:lobby'],
  ['publish', 'news'],
  ['subscribe', 'newsx'],
  ['subscribe', 'news:x'],
  ['presence', 'a:logb'],
  ['subscribe', ''],
  ['subscribe', '__proto__'],
  ['subscribe', 'constructor'],
])('[S3] %s on %s is refused', (action, channel) => {
  expect(allows(capabilities, action, channel)).toBe(false);
});

test('no capabilities allow nothing, * allows everything that is not of the system', () => {
  const all = compileCapabilities(ALL_CAPABILITIES);
  for (const action of CAPABILITY_ACTIONS) {
    expect(allows(NO_CAPABILITIES, action, 'x')).toBe(false);
    expect(allows(all, action, 'x')).toBe(true);
    expect(allows(all, action, '#user:somebody')).toBe(false);
  }
  expect(allows(compileCapabilities({ '#user:*': ['subscribe'] }), 'subscribe', '#user:a')).toBe(true);
});

test('an action that is no action is refused', () => {
  const all = compileCapabilities(ALL_CAPABILITIES);
  for (const action of ['toString', '__proto__', '']) {
    expect(allows(all, action as CapabilityAction, 'x')).toBe(false);
  }
});

describe('claims that are refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['not an object', 'all', /not an object/],
    ['a list', [['*', 'subscribe']], /not an object/],
    ['null', null, /not an object/],
    ['actions as text', { a: 'subscribe' }, /no list of actions for "a"/],
    [
      'an unknown action',
      { a: ['subscribe', 'fly'] },
      /the action "fly" for "a"; allowed: subscribe, publish/,
    ],
    ['an action of the prototype', { a: ['toString'] }, /the action "toString"/],
    ['an action that is no text', { a: [1] }, /the action 1/],
    ['an empty pattern', { '': ['subscribe'] }, /is empty/],
    ['a space', { 'a b': ['subscribe'] }, /has a character/],
    ['a long pattern', { ['a'.repeat(201)]: ['subscribe'] }, /longer than 200/],
    ['many stars', { '*********': ['subscribe'] }, /more than 8 \*/],
    [
      'many patterns',
      Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`c${i}`, ['subscribe']])),
      /257 patterns; allowed are 256/,
    ],
    ['__proto__ with junk', JSON.parse('{"__proto__":1}'), /no list of actions for "__proto__"/],
  ])('%s', (_what, claim, message) => {
    expect(() => compileCapabilities(claim)).toThrow(TokenError);
    expect(() => compileCapabilities(claim)).toThrow(message);
  });

  test('a pattern named __proto__ is a channel name like others', () => {
    const odd = compileCapabilities(JSON.parse('{"__proto__":["subscribe"]}'));
    expect(allows(odd, 'subscribe', '__proto__')).toBe(true);
    expect(allows(odd, 'subscribe', 'x')).toBe(false);
  });
});

describe('patterns', () => {
  const piece = fc.constantFrom('a', 'b', 'ab', '#', '*');
  const made = (from: typeof piece) => fc.array(from, { maxLength: 8 }).map((parts) => parts.join(''));
  const channel = made(piece.filter((part) => part !== '*'));

  /** The same by a regular expression; harmless at these lengths. */
  function expected(pattern: string, name: string): boolean {
    if (name.startsWith('#') && !pattern.startsWith('#')) return false;
    const source = pattern.replaceAll('*', '.*');
    return new RegExp(`^${source}$`, 's').test(name);
  }

  test('property: a pattern means what its regular expression means', () => {
    fc.assert(
      fc.property(made(piece), channel, (pattern, name) => {
        expect(compilePattern(pattern)(name), `${pattern} on ${name}`).toBe(expected(pattern, name));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['a*b*b', 'ab', false],
    ['a*b*b', 'abb', true],
    ['a*a', 'a', false],
    ['a**a', 'aa', true],
    ['*ab*ba*', 'aba', false],
    ['*', '', true],
  ])('%s on %s: pieces do not overlap (%s)', (pattern, name, fits) => {
    expect(compilePattern(pattern)(name)).toBe(fits);
  });

  test('property: stars filled with anything match', () => {
    fc.assert(
      fc.property(made(piece), fc.array(channel), (pattern, fillings) => {
        let next = 0;
        const name = pattern.replaceAll('*', () => fillings[next++] ?? '');
        if (!name.startsWith('#')) expect(compilePattern(pattern)(name)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('a name on which backtracking matchers never end is judged', () => {
    expect(compilePattern('*a*a*a*a*a*a*a*b')('a'.repeat(200))).toBe(false);
  });
});

describe('store', () => {
  test('equal claims share one compiled object', () => {
    const compile = createCapabilityStore();
    expect(compile({ a: ['subscribe'] })).toBe(compile({ a: ['subscribe'] }));
    expect(compile({ a: ['subscribe'] })).not.toBe(compile({ a: ['publish'] }));
  });

  test('it stays bounded and right beyond its bound', () => {
    const compile = createCapabilityStore();
    const first = compile({ c0: ['subscribe'] });
    for (let i = 1; i <= 1024; i++) compile({ [`c${i}`]: ['subscribe'] });
    const again = compile({ c0: ['subscribe'] });
    expect(again).not.toBe(first);
    expect(allows(again, 'subscribe', 'c0')).toBe(true);
  });

  test('faults are not remembered as anything', () => {
    const compile = createCapabilityStore();
    expect(() => compile({ a: ['fly'] })).toThrow(TokenError);
    expect(() => compile({ a: ['fly'] })).toThrow(TokenError);
  });
});
