import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { createNamespaceResolver } from './namespace-resolver.ts';
import { type NamespaceDefinitions, namespacePolicies, namespacesKind } from './namespaces.ts';

function policy(definition: NamespaceDefinitions[string]) {
  return namespacePolicies({ x: definition }).find(({ name }) => name === 'x');
}

test('the defaults', () => {
  expect(namespacePolicies()).toEqual([
    {
      name: 'default',
      ephemeral: false,
      durable: true,
      history: { maxMessages: 1000, ttlMs: 86_400_000 },
      recoveryWindowMs: 300_000,
      recoveryMaxMessages: 1000,
      retentionMs: 604_800_000,
      ackTimeoutMs: 0,
    },
  ]);
});

test('[C9] ephemeral is the short form of nothing kept', () => {
  expect(policy({ ephemeral: true })).toEqual({
    name: 'x',
    ephemeral: true,
    durable: false,
    history: undefined,
    recoveryWindowMs: 0,
    recoveryMaxMessages: 0,
    retentionMs: 0,
    ackTimeoutMs: 0,
  });
});

test('[C10] hot history keeps nothing longer than the retention', () => {
  expect(policy({ retentionMs: '1h' })?.history).toEqual({ maxMessages: 1000, ttlMs: 3_600_000 });
  expect(policy({ retentionMs: '1h', history: { ttlMs: '2h' } })?.history?.ttlMs).toBe(3_600_000);
  expect(policy({ retentionMs: '9d', history: { ttlMs: '2h' } })?.history?.ttlMs).toBe(7_200_000);
  expect(policy({ retentionMaxMessages: 50 })).toMatchObject({
    ...{ retentionMaxMessages: 50, recoveryMaxMessages: 50, history: { maxMessages: 50 } },
  });
  expect(policy({ history: { ttlMs: '30d' } })?.history?.ttlMs).toBe(30 * 86_400_000);
});

test('[D8] acknowledgements need something that can be sent again', () => {
  expect(policy({ ackTimeoutMs: '30s' })).toMatchObject({ ackTimeoutMs: 30_000 });
  expect(() => policy({ durable: false, history: 'none', ackTimeoutMs: '30s' })).toThrow(
    'ackTimeoutMs needs',
  );
  expect(() => policy({ ephemeral: true, ackTimeoutMs: '30s' })).toThrow('ackTimeoutMs');
});

test('values not given are fitted to those given', () => {
  expect(policy({ durable: false, history: { ttlMs: '1m', maxMessages: 10 } })).toMatchObject({
    recoveryWindowMs: 60_000,
    recoveryMaxMessages: 10,
    retentionMs: 0,
  });
  expect(policy({ durable: false, history: 'none' })).toMatchObject({
    history: undefined,
    recoveryWindowMs: 0,
    recoveryMaxMessages: 0,
  });
});

test('without hot history, stored messages still serve recovery', () => {
  expect(policy({ history: 'none', retentionMs: '1h' })).toMatchObject({
    durable: true,
    recoveryWindowMs: 300_000,
    recoveryMaxMessages: 1000,
  });
});

test.each<[string, NamespaceDefinitions[string], RegExp]>([
  ['ephemeral and durable', { ephemeral: true, durable: true }, /x: ephemeral .* durable/],
  ['ephemeral with history', { ephemeral: true, history: { maxMessages: 5 } }, /ephemeral .* history/],
  ['retention without storage', { durable: false, retentionMs: '1d' }, /retentionMs needs durable/],
  [
    'a bound without storage',
    { durable: false, retentionMaxMessages: 9 },
    /retentionMaxMessages needs durable/,
  ],
  [
    'more than is stored',
    { retentionMaxMessages: 9, recoveryMaxMessages: 10 },
    /recoveryMaxMessages \(10\) is more than retentionMaxMessages \(9\)/,
  ],
  [
    'window longer than history',
    { durable: false, history: { ttlMs: '1m' }, recoveryWindowMs: '5m' },
    /recoveryWindowMs \(300000\) is longer than history.ttlMs \(60000 ms\)/,
  ],
  [
    'window longer than retention',
    { history: { ttlMs: '1m' }, retentionMs: '1h', recoveryWindowMs: '2h' },
    /longer than the retention/,
  ],
  [
    'more than history',
    { durable: false, history: { maxMessages: 10 }, recoveryMaxMessages: 11 },
    /recoveryMaxMessages \(11\)/,
  ],
  ['a bad duration', { retentionMs: '1 week' }, /x.retentionMs/],
  ['too short a history', { history: { ttlMs: 1 } }, /x.history.ttlMs|x.history/],
])('%s is refused', (_what, definition, message) => {
  expect(() => namespacePolicies({ x: definition })).toThrow(message);
  expect(() => namespacePolicies({ x: definition })).toThrow(ConfigError);
});

test('all wrong namespaces are named at once, with unknown members', () => {
  const parsed = namespacesKind.parse('{"a":{"ephemeral":true,"durable":true},"b":{"retention":1},"c d":{}}');
  const { fault } = parsed as { fault: string };
  for (const part of ['a: ephemeral', '"retention"', 'c d: a namespace is']) expect(fault).toContain(part);
});

test.each(['', '[]', '"x"', '{', 'null', '{"a":1}', '{"a":null}'])('%j is no set of policies', (given) => {
  expect(namespacesKind.parse(given)).toHaveProperty('fault');
});

describe('resolver', () => {
  const resolver = createNamespaceResolver(
    namespacePolicies({ cursor: { ephemeral: true }, chat: { retentionMs: '30d' } }),
  );

  test.each([
    ['chat:lobby', 'chat'],
    ['chat:a:b', 'chat'],
    ['cursor:1', 'cursor'],
    ['lobby', 'default'],
    ['default:lobby', 'default'],
    ['unknown:lobby', 'default'],
    [':lobby', 'default'],
    ['__proto__:x', 'default'],
    ['constructor:x', 'default'],
    ['', 'default'],
  ])('%s has the policy of %s', (channel, name) => {
    expect(resolver.resolve(channel).name).toBe(name);
  });

  test('the policy of default can be set', () => {
    const own = createNamespaceResolver(namespacePolicies({ default: { ephemeral: true } }));
    expect(own.resolve('x').ephemeral).toBe(true);
    expect(own.fallback).toBe(own.resolve('other:x'));
    expect(own.policies).toHaveLength(1);
  });

  test('lists all policies, default included', () => {
    expect(resolver.policies.map(({ name }) => name).toSorted()).toEqual(['chat', 'cursor', 'default']);
  });
});
