/** The tables of members and of codes in SPEC.md, and its examples, are what the code knows and checks. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readClientFrame } from '../client-frame.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Shape } from './fields.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from './shapes.ts';

type Shapes = Readonly<Record<string, { readonly shape: Shape<never> }>>;
type Model = Record<string, unknown>;

const SPEC = readFileSync(new URL('../../SPEC.md', import.meta.url), 'utf8');
const LIMITS = { maxFrameDepth: 32, maxChannelsPerFrame: 128 };
const CLIENT = CLIENT_FRAMES as unknown as Shapes;
const SERVER = SERVER_FRAMES as unknown as Shapes;
/** Frames of the server that answer, or may answer, a frame of the client. `re` of `cancel` is the server's own name. */
const ANSWERS =
  'connected refreshed subscribed unsubscribed accepted stored history pong response serving error cancel';

function rowsOf(heading: string): readonly (readonly string[])[] {
  const section = SPEC.split(`\n### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((row) => row.slice(2, -2).split(' | '));
}

const TYPES = {
  text: 'text',
  uint: 'integer',
  flag: 'true or false',
  payload: 'JSON value',
  requestId: 'integer or text',
} as const;

function membersOf(shape: Shape<never>, prefix = ''): readonly (readonly string[])[] {
  return shape.members.flatMap(([name, { kind, optional, repeated, shape: inner, type }]) => {
    const single = kind === 'message' ? (type === undefined ? 'object' : `\`${type}\``) : TYPES[kind];
    const row = [`\`${prefix}${name}\``, repeated ? `list of ${single}` : single, optional ? 'no' : 'yes'];
    if (inner === undefined || type !== undefined) return [row];
    return [row, ...membersOf(inner, `${prefix}${name}${repeated ? '[]' : ''}.`)];
  });
}

const tableOf = (shapes: Shapes) =>
  Object.entries(shapes).flatMap(([type, { shape }]) =>
    membersOf(shape).map((row) => [`\`${type}\``, ...row]),
  );

const sorted = (rows: readonly (readonly string[])[]) => rows.map((row) => row.join(' | ')).sort();

/** Frames that are read, with every member that has a bound. */
const SAMPLES: readonly Model[] = [
  {
    type: 'connect',
    token: 't',
    version: 1,
    session: 's'.repeat(16),
    client: { name: 'n', version: '1' },
    batch: { size: 1, delayMs: 1 },
  },
  { type: 'refresh', token: 't' },
  { type: 'subscribe', channels: [{ channel: 'a', position: { epoch: 'e', seq: 1 }, consumer: 'c' }] },
  { type: 'unsubscribe', channels: ['a'] },
  { type: 'publish', channel: 'a', payload: 1, event: 'e', producer: { id: 'p'.repeat(8), seq: 1 } },
  { type: 'history', channel: 'a', after: { epoch: 'e', seq: 1 }, limit: 1 },
  { type: 'history', channel: 'a', before: { epoch: 'e', seq: 1 } },
  { type: 'ack', channel: 'a', epoch: 'e', seq: 1 },
  { type: 'ping', timestamp: 1 },
  { type: 'request', method: 'm', payload: 1, timeoutMs: 1 },
  { type: 'cancel', re: 'r' },
  { type: 'serve', methods: ['m'], concurrency: 1 },
  { type: 'response', re: 'r', error: { message: 'm', reason: 'r' } },
];

/** The sample of `type` with `value` at `path`; `undefined` when it has nothing there. */
function changed(sample: Model, path: readonly string[], value: unknown): Model | undefined {
  const copy = structuredClone(sample);
  let at: Model = copy;
  for (const name of path.slice(0, -1)) at = (at[name] ?? {}) as Model;
  const last = path.at(-1)!;
  if (at[last] === undefined) return undefined;
  at[last] = value;
  return copy;
}

function isRead(type: string, member: string, value: unknown): boolean {
  const path = member.replaceAll('[]', '.0').split('.');
  const frame = SAMPLES.filter((sample) => sample.type === type)
    .map((sample) => changed(sample, path, value))
    .find((one) => one !== undefined);
  if (frame === undefined) throw new Error(`no sample has ${type} ${member}`);
  const reading = readClientFrame(JSON.stringify({ id: 1, ...frame }), LIMITS);
  if ('error' in reading) return false;
  return (
    reading.frame.type !== 'subscribe' || reading.frame.channels.every(({ fault }) => fault === undefined)
  );
}

/** The values at a bound, and those just beyond it, that can be written down. */
function edges(
  bound: string,
  item: unknown,
): { readonly in: readonly unknown[]; readonly out: readonly unknown[] } {
  const [, low, high, unit] = /^(\d+) to (\d+)(?: (characters|items))?/.exec(bound)!;
  const [min, max] = [Number(low), Number(high)];
  const make = (n: number): unknown => {
    if (unit === 'characters') return 'a'.repeat(n);
    return unit === 'items' ? Array.from({ length: n }, () => item) : n;
  };
  const beyond = [min - 1, max + 1].filter((n) => unit === undefined || n >= 0);
  return { in: [make(min), make(max)], out: beyond.map(make) };
}

const bounded = rowsOf('Frames of a client').filter(([, , , , bound]) => /^\d+ to \d+/.test(bound!));

describe('SPEC.md, section 18', () => {
  it.each([
    ['Frames of a client', CLIENT],
    ['Frames of a server', SERVER],
  ])('has every member, its type and whether it has to be there: %s', (heading, shapes) => {
    expect(sorted(rowsOf(heading).map((row) => row.slice(0, 4)))).toEqual(sorted(tableOf(shapes)));
  });

  it('says the bounds of most members of a client', () => {
    expect(bounded.length).toBeGreaterThan(30);
  });

  it.each(bounded)('has the bound of %s %s as it is checked', (type, member, _kind, _needed, bound) => {
    const [frame, name] = [type!.slice(1, -1), member!.slice(1, -1)];
    const edge = edges(bound!, name === 'channels' && frame === 'subscribe' ? { channel: 'a' } : 'a');
    expect(edge.in.filter((value) => !isRead(frame, name, value))).toEqual([]);
    expect(edge.out.filter((value) => isRead(frame, name, value))).toEqual([]);
  });

  it('has examples of the server with the members that have to be there, and no others', () => {
    const wrong = [...SPEC.matchAll(/^S> (.*)$/gm)].flatMap(([, text]) => {
      const { type, re, ...frame } = JSON.parse(text!) as Model & { type: string };
      const { members } = SERVER[type]!.shape;
      const missing = members.filter(([name, { optional }]) => !optional && frame[name] === undefined);
      const unknown = Object.keys(frame).filter((name) => members.every(([known]) => known !== name));
      const misplaced = re !== undefined && !ANSWERS.split(' ').includes(type) ? ['re'] : [];
      return [...missing.map(([name]) => name), ...unknown, ...misplaced].map((name) => `${type}.${name}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe('SPEC.md, section 19', () => {
  const rows = rowsOf('Codes over WebSocket');

  it('has each code, in the table or among those that stand in no frame', () => {
    const inNoFrame = /^In no frame: (.*)$/m.exec(SPEC)?.[1]?.match(/[A-Z]+(?:_[A-Z]+)+|[A-Z]{6,}/g) ?? [];
    const overWebSocket = rows.map(([, code]) => code!.slice(1, -1));
    expect(new Set([...inNoFrame, ...overWebSocket])).toEqual(new Set(Object.keys(ERRORS)));
    expect(inNoFrame.filter((code) => overWebSocket.includes(code))).toEqual([]);
  });

  it('says of each whether it is retryable, and names rules that exist', () => {
    for (const [rules, code, retryable] of rows) {
      expect([code, retryable]).toEqual([
        code,
        ERRORS[code!.slice(1, -1) as ErrorCode].retryable ? 'yes' : 'no',
      ]);
      for (const [, rule] of rules!.matchAll(/\[([A-Z]{2}\d+)\]/g)) expect(SPEC).toContain(`- **[${rule}]**`);
      expect(rules).toMatch(/^\[/);
    }
  });
});
