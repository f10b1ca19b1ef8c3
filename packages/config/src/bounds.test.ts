/** Every number has a least and a greatest value, and what is beyond is refused with both. */
import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load.ts';
import { type NamespaceDefinition, namespacePolicies } from './namespaces.ts';
import { responderEndpoints } from './responders.ts';
import type { Setting } from './setting.ts';
import { parseBytes, parseDurationMs } from './units.ts';
import { webhookEndpoints } from './webhooks.ts';

const RANGE = /(?:^|, | )(\d+[A-Za-z]*)\.\.(\d+[A-Za-z]*)$/;

/** The ends of a setting's range, in its unit. */
function rangeOf({ allowed, unit }: Setting<unknown>): readonly [number, number] | undefined {
  const [, from, to] = RANGE.exec(allowed) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const read = (text: string): number =>
    (unit === 'bytes' ? parseBytes(text) : unit === 'ms' ? parseDurationMs(text) : Number(text))!;
  return [read(from), read(to)];
}

const NUMBERS = CATALOGUE.flatMap((group) =>
  Object.values(group.settings).flatMap((setting) => {
    const range = rangeOf(setting);
    return range === undefined ? [] : [{ group, setting, range, variable: setting.variable }];
  }),
);

test('every setting whose value is a number has a range', () => {
  const numeric = CATALOGUE.flatMap((group) => Object.values(group.settings)).filter(
    (setting) => !setting.required && typeof setting.absent() === 'number',
  );
  expect(numeric.length).toBeGreaterThan(40);
  const ranged = NUMBERS.map(({ variable }) => variable);
  expect(numeric.map(({ variable }) => variable).filter((name) => !ranged.includes(name))).toEqual([]);
});

test.each(NUMBERS)('$variable takes its range and nothing else', ({ group, setting, range: [min, max] }) => {
  for (const inside of [min, max]) expect(setting.parse(String(inside))).toEqual({ value: inside });
  const beyond = [min - 1, max + 1, -1, -5000, 1e15].filter((value) => value < min || value > max);
  for (const value of [...beyond.map(String), '-5s', '1e9', '0x10', '1.5', 'NaN', 'Infinity', '']) {
    if (setting.variable === 'OTEL_TRACES_SAMPLER_ARG' && value === '') continue;
    expect(setting.parse(value), `${setting.variable}=${value}`).toHaveProperty('fault');
  }
  if (setting.onFault === 'warn') return;
  const outside = { [setting.variable]: String(max + 1) };
  const load = () => loadConfig({ group }, outside);
  expect(load).toThrow(ConfigError);
  const [, from, to] = RANGE.exec(setting.allowed)!;
  expect(load).toThrow(new RegExp(`${setting.variable} is .*${from}\\.\\.${to}`));
});

/** The fault reported for each value; the member is named. */
function faultsOf(make: (value: never) => unknown, values: readonly unknown[]): readonly string[] {
  return values.map((value) => {
    try {
      make(value as never);
      return `${JSON.stringify(value)} was taken`;
    } catch (error) {
      return (error as Error).message;
    }
  });
}

const NUMBERS_WRONG = [-1, 1e12, 1.5, Number.NaN, '7', null];
const DURATIONS_WRONG = [-1, 1e15, 1.5, '-5s', '400000d', 'soon', null, true];

const HOOK = { name: 'h', url: 'https://h', secrets: ['0123456789abcdef'] };
const webhook = (member: object) =>
  webhookEndpoints([{ ...HOOK, events: ['message.published'], ...member } as never]);
const responder = (member: object) => responderEndpoints([{ ...HOOK, methods: ['m'], ...member } as never]);
const namespace = (member: object) => namespacePolicies({ n: member as NamespaceDefinition });

test.each([
  [webhook, 'attempts', NUMBERS_WRONG, '1..100'],
  [webhook, 'concurrency', NUMBERS_WRONG, '1..100'],
  [webhook, 'maxPending', NUMBERS_WRONG, '1..10000000'],
  [webhook, 'timeoutMs', DURATIONS_WRONG, '100ms..1m'],
  [webhook, 'backoffMs', DURATIONS_WRONG, '10ms..1h'],
  [webhook, 'maxBackoffMs', DURATIONS_WRONG, '10ms..1d'],
  [webhook, 'maxAgeMs', DURATIONS_WRONG, '1s..7d'],
  [responder, 'timeoutMs', DURATIONS_WRONG, '100ms..5m'],
  [responder, 'concurrency', NUMBERS_WRONG, '1..1000'],
  [responder, 'maxAnswerBytes', NUMBERS_WRONG, '1..1048576'],
  [namespace, 'recoveryWindowMs', DURATIONS_WRONG, '0..30d'],
  [namespace, 'recoveryMaxMessages', NUMBERS_WRONG, '0..100000'],
  [namespace, 'retentionMs', DURATIONS_WRONG, '1s..3650d'],
  [namespace, 'retentionMaxMessages', NUMBERS_WRONG, '1..1000000'],
  [namespace, 'ackTimeoutMs', DURATIONS_WRONG, '100ms..1d'],
] as const)('%o: %s is refused with both bounds', (make, member, wrong, range) => {
  for (const message of faultsOf((value) => make({ [member]: value }), wrong)) {
    expect(message).toContain(`${member}: expected`);
    expect(message).toContain(range);
  }
});

test('a webhook whose deliveries are dead before their first attempt ends is refused', () => {
  expect(() => webhook({ timeoutMs: '10s', maxAgeMs: '5s' })).toThrow(/maxAgeMs: is below timeoutMs/);
});
