import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import type { FoundEvent, HistoryEvent, NoticeEvent, ProcessHistory, ReceiveEvent } from './history.ts';
import { type Expectations, INVARIANTS, type Invariant } from './verdict.ts';

const PLACE = { app: 'one', channel: 'c:a' } as const;
// The clock of who named the newest one went wrong.
const [OLD, NEW, NEWEST] = ['0001', '0002', '0000'];

const publish = (key: string, at = 0, wantsStored = false): HistoryEvent => ({
  type: 'publish',
  at,
  ...PLACE,
  key,
  wantsStored,
});
const ok = (key: string, seq: number, epoch = OLD, at = 1): HistoryEvent => ({
  type: 'outcome',
  at,
  key,
  outcome: 'ok',
  epoch,
  seq,
});
const failed = (key: string, code = 'PERMISSION_DENIED'): HistoryEvent => ({
  type: 'outcome',
  at: 1,
  key,
  outcome: 'failed',
  code,
});
const begin = (seq = 0): HistoryEvent => ({ type: 'begin', at: 0, ...PLACE, epoch: OLD, seq });
const got = (key: string, seq: number, more: Partial<ReceiveEvent> = {}): ReceiveEvent => ({
  type: 'receive',
  at: 2,
  ...PLACE,
  epoch: OLD,
  seq,
  key,
  ...more,
});
const recovered = (seq: number, epoch = OLD, at = 2): HistoryEvent => ({
  type: 'recovered',
  at,
  ...PLACE,
  epoch,
  seq,
  missed: 1,
});
const notice = (from: number, to: number, epoch = OLD): NoticeEvent => ({
  type: 'notice',
  at: 2,
  ...PLACE,
  from: { epoch: OLD, seq: from },
  epoch,
  seq: to,
  reason: 'history-trimmed',
});
const found = (type: FoundEvent['type'], key: string, seq: number, epoch = OLD): FoundEvent => ({
  type,
  ...PLACE,
  epoch,
  seq,
  key,
});
const all = (type: FoundEvent['type'], ...keys: string[]): FoundEvent[] =>
  keys.map((key, i) => found(type, key, i + 1));

interface Histories {
  readonly publisher: readonly HistoryEvent[];
  readonly subscriber: readonly HistoryEvent[];
  readonly other: readonly HistoryEvent[];
  readonly postgres: readonly HistoryEvent[];
  readonly reread: readonly HistoryEvent[];
  readonly faults: readonly HistoryEvent[];
}

/** Three messages, two subscribers who have them, one by coming back in between. */
const GOOD: Histories = {
  publisher: [publish('p1'), publish('p2'), publish('p3'), ok('p1', 1), ok('p2', 2), ok('p3', 3)],
  subscriber: [begin(), got('p1', 1), got('p2', 2), got('p3', 3)],
  other: [begin(1), got('p2', 2), recovered(2), got('p3', 3)],
  postgres: all('stored', 'p1', 'p2', 'p3'),
  reread: all('reread', 'p1', 'p2', 'p3'),
  faults: [],
};

/** Redis came back with everything, and the channel goes on in a new epoch. */
const NEXT_EPOCH = {
  publisher: [...GOOD.publisher, publish('p4'), ok('p4', 1, NEW)],
  subscriber: [...GOOD.subscriber, got('p4', 1, { epoch: NEW })],
  other: [...GOOD.other, got('p4', 1, { epoch: NEW })],
  postgres: [...GOOD.postgres, found('stored', 'p4', 1, NEW)],
  reread: [...GOOD.reread, found('reread', 'p4', 1, NEW)],
} as const satisfies Partial<Histories>;

function judge(changes: Partial<Histories>, expectations?: Expectations) {
  const histories: ProcessHistory[] = Object.entries({ ...GOOD, ...changes }).map(([process, events]) => ({
    process,
    events,
  }));
  return check(histories, expectations);
}

const violatedBy = (changes: Partial<Histories>, expectations?: Expectations): readonly string[] =>
  Object.keys(judge(changes, expectations).violated);

describe('good histories pass', () => {
  it('and are counted', () => {
    expect(judge({})).toEqual({
      violations: [],
      violated: {},
      ...{
        accepted: 3,
        refused: 0,
        unknown: 0,
        deliveries: 5,
        recovered: 1,
        stored: 3,
        faults: {},
        worstRecoveryMs: 0,
      },
    });
  });

  const UNANSWERED = { publisher: [...GOOD.publisher, publish('p4')] };
  it.each<[string, Partial<Histories>]>([
    [
      'an unknown outcome that is in the log',
      {
        ...UNANSWERED,
        subscriber: [...GOOD.subscriber, got('p4', 4)],
        postgres: all('stored', 'p1', 'p2', 'p3', 'p4'),
        reread: all('reread', 'p1', 'p2', 'p3', 'p4'),
      },
    ],
    ['an unknown outcome that is not', UNANSWERED],
    ['a refused publish that nobody saw', { publisher: [...GOOD.publisher, publish('p4'), failed('p4')] }],
    ['a subscriber that left earlier', { other: [begin(1), got('p2', 2), { type: 'end', at: 3, ...PLACE }] }],
    [
      'one that left and began again later',
      { other: [begin(), got('p1', 1), { type: 'end', at: 3, ...PLACE }, begin(2), got('p3', 3)] },
    ],
  ])('%s', (_name, changes) => {
    expect(violatedBy(changes)).toEqual([]);
  });

  it('a new epoch that begins with its first message, when the one before was read to its end', () => {
    expect(violatedBy(NEXT_EPOCH)).toEqual([]);
    const cameBack = [...GOOD.subscriber, recovered(0, NEW), got('p4', 1, { epoch: NEW })];
    expect(violatedBy({ ...NEXT_EPOCH, subscriber: cameBack })).toEqual([]);
  });

  it('epochs whose names do not sort by age', () => {
    const changes: Partial<Histories> = {
      publisher: [...GOOD.publisher, publish('p4'), ok('p4', 1, NEWEST, 3)],
      subscriber: [...GOOD.subscriber, got('p4', 1, { epoch: NEWEST, at: 3 })],
      other: [...GOOD.other, got('p4', 1, { epoch: NEWEST, at: 3 })],
      postgres: [...GOOD.postgres, found('stored', 'p4', 1, NEWEST)],
      reread: [...GOOD.reread, found('reread', 'p4', 1, NEWEST)],
    };
    expect(violatedBy(changes, { dataLost: true })).toEqual([]);
  });

  it('what nothing had any more, in no store and with no subscriber, and only that', () => {
    const forgotten = (from: number): HistoryEvent => ({ type: 'forgotten', at: 5, from });
    const changes: Partial<Histories> = {
      subscriber: [begin(), got('p1', 1), got('p2', 2)],
      other: [begin(1), got('p2', 2)],
      postgres: all('stored', 'p1', 'p2'),
      reread: all('reread', 'p1', 'p2'),
    };
    expect(violatedBy({ ...changes, faults: [forgotten(1)] }, { dataLost: true })).toEqual([]);
    expect(violatedBy({ ...changes, faults: [forgotten(2)] }, { dataLost: true })).not.toEqual([]);
    const stored = { ...changes, postgres: all('stored', 'p1', 'p2', 'p3'), faults: [forgotten(1)] };
    expect(violatedBy(stored, { dataLost: true })).toContain('loss-is-true');
  });

  it('a loss of data that was announced, with the message published anew', () => {
    const changes: Partial<Histories> = {
      subscriber: [begin(), got('p1', 1), got('p2', 2), notice(2, 0, NEW), got('p3', 1, { epoch: NEW })],
      other: [begin(1), got('p2', 2), notice(2, 0, NEW), got('p3', 1, { epoch: NEW })],
      postgres: [...all('stored', 'p1', 'p2'), found('stored', 'p3', 1, NEW)],
      reread: [...all('reread', 'p1', 'p2'), found('reread', 'p3', 1, NEW)],
    };
    expect(violatedBy(changes, { dataLost: true })).toEqual([]);
  });
});

it('what is published again after a loss comes again to a client without the SDK, and to no other', () => {
  const again = [got('p1', 1), got('p2', 2), got('p3', 3), notice(3, 0, NEW), got('p3', 1, { epoch: NEW })];
  // Redis lost it before it was stored.
  const found3 = (type: FoundEvent['type']) => [...all(type, 'p1', 'p2'), found(type, 'p3', 1, NEW)];
  const rest = { postgres: found3('stored'), reread: found3('reread') };
  const bare = { ...begin(), forgetful: true } as HistoryEvent;
  expect(violatedBy({ subscriber: [bare, ...again], ...rest }, { dataLost: true })).toEqual([]);
  expect(violatedBy({ subscriber: [begin(), ...again], ...rest }, { dataLost: true })).toEqual(['no-repeat']);
});

describe('a violation is found', () => {
  const healed: HistoryEvent = { type: 'healed', at: 10, name: 'kill gateway', recoverWithinMs: 100 };
  const later = (at: number): Partial<Histories> => ({
    faults: [{ type: 'fault', at: 5, name: 'kill gateway' }, healed],
    publisher: [...GOOD.publisher.slice(0, 2), publish('p3', 11), ...GOOD.publisher.slice(3)],
    other: [begin(1), got('p2', 2), got('p3', 3, { at: 12 })],
    subscriber: [begin(), got('p1', 1), got('p2', 2), got('p3', 3, { at })],
  });

  it.each<[Invariant, string, Partial<Histories>, Expectations?]>([
    [
      'accepted-is-read',
      'the last message never came',
      { subscriber: [begin(), got('p1', 1), got('p2', 2)] },
    ],
    ['accepted-is-read', 'nothing came at all', { subscriber: [begin()] }],
    [
      'accepted-is-read',
      'lost with the epoch and not announced',
      { subscriber: [begin(), got('p1', 1), got('p2', 2)] },
      { dataLost: true },
    ],
    [
      'refused-is-not-read',
      'a refused message was delivered',
      { publisher: [...GOOD.publisher.slice(0, 5), failed('p3')] },
    ],
    [
      'refused-is-not-read',
      'nobody published it',
      { publisher: [publish('p1'), publish('p2'), ok('p1', 1), ok('p2', 2)] },
    ],
    [
      'refused-with-reason',
      'for nothing the publisher did',
      { publisher: [...GOOD.publisher, publish('p4'), failed('p4', 'PRODUCER_CONFLICT')] },
    ],
    [
      'one-content',
      'two publishers got one position',
      { publisher: [...GOOD.publisher, publish('p4'), ok('p4', 3)] },
    ],
    [
      'one-content',
      'two subscribers saw different contents',
      { other: [begin(1), got('p3', 2), got('p2', 3)] },
    ],
    [
      'one-content',
      'the publisher was told another position',
      { publisher: [publish('p1'), publish('p2'), publish('p3'), ok('p1', 1), ok('p2', 2), ok('p3', 4)] },
    ],
    ['no-gap', 'a seq was left out', { subscriber: [begin(), got('p1', 1), got('p3', 3)] }],
    ['no-gap', 'recovered from a later position', { other: [begin(1), recovered(2), got('p3', 3)] }],
    ['no-repeat', 'the same message came again', { subscriber: [...GOOD.subscriber, got('p3', 3)] }],
    ['no-repeat', 'the same content under two positions', { subscriber: [...GOOD.subscriber, got('p3', 4)] }],
    [
      'one-order',
      'an earlier message came later',
      { other: [begin(0), got('p2', 2), got('p1', 1), got('p3', 3)] },
    ],
    [
      'publisher-fifo',
      'positions against the order of the publisher',
      {
        publisher: [publish('p1'), publish('p3'), publish('p2'), ok('p1', 1), ok('p2', 2), ok('p3', 3)],
      },
    ],
    ['stored-equals-log', 'not stored', { postgres: all('stored', 'p1', 'p2') }],
    ['stored-equals-log', 'stored twice', { postgres: all('stored', 'p1', 'p2', 'p3', 'p3') }],
    [
      'stored-equals-log',
      'a hole',
      {
        publisher: [...GOOD.publisher, publish('p5')],
        postgres: [...GOOD.postgres, found('stored', 'p5', 5)],
      },
    ],
    [
      'nothing-skipped',
      'a gap was told',
      { subscriber: [begin(), got('p1', 1), notice(1, 2), got('p3', 3)] },
    ],
    [
      'epochs-joined',
      'the end of the old epoch was left out',
      {
        ...NEXT_EPOCH,
        subscriber: [begin(), got('p1', 1), got('p2', 2), got('p4', 1, { epoch: NEW })],
      },
      { dataLost: true },
    ],
    [
      'epochs-joined',
      'an epoch in between was skipped',
      {
        ...NEXT_EPOCH,
        publisher: [...NEXT_EPOCH.publisher, publish('p5'), ok('p5', 1, NEWEST, 3)],
        subscriber: [...GOOD.subscriber, got('p5', 1, { epoch: NEWEST, at: 3 })],
      },
      { dataLost: true },
    ],
    [
      'epochs-joined',
      'recovered, and an epoch in between was skipped',
      {
        ...NEXT_EPOCH,
        publisher: [...NEXT_EPOCH.publisher, publish('p5'), ok('p5', 1, NEWEST, 3)],
        subscriber: [...GOOD.subscriber, recovered(1, NEWEST, 3)],
      },
      { dataLost: true },
    ],
    [
      'no-gap',
      'a new epoch began with its second message',
      {
        ...NEXT_EPOCH,
        publisher: [...NEXT_EPOCH.publisher, publish('p5'), ok('p5', 2, NEW)],
        subscriber: [...GOOD.subscriber, got('p5', 2, { epoch: NEW })],
      },
      { dataLost: true },
    ],
    [
      'one-order',
      'back to an epoch that ended',
      {
        ...NEXT_EPOCH,
        subscriber: [begin(), got('p1', 1), got('p2', 2), got('p4', 1, { epoch: NEW }), got('p3', 3)],
      },
      { dataLost: true },
    ],
    [
      'stored-once',
      'published again although it was stored',
      { postgres: [...GOOD.postgres, found('stored', 'p3', 1, NEW)] },
      { dataLost: true },
    ],
    [
      'stored-is-true',
      'another message has its place in Postgres',
      {
        publisher: [
          ...GOOD.publisher,
          publish('p4', 0, true),
          ok('p4', 3),
          { type: 'stored-told', at: 2, key: 'p4', epoch: OLD, seq: 3 },
        ],
      },
      { dataLost: true },
    ],
    [
      'loss-is-true',
      'it was told to be gone, and is in Postgres',
      { subscriber: [begin(), got('p1', 1), got('p2', 2), notice(2, 0, NEW)] },
      { dataLost: true },
    ],
    [
      'loss-is-true',
      'it was left out without a word',
      {
        subscriber: [...GOOD.subscriber.slice(0, 3), notice(3, 0, NEW)],
        postgres: all('stored', 'p1', 'p2', 'p3'),
      },
      { dataLost: true },
    ],
    [
      'nobody-waits',
      'a publish has no outcome',
      { publisher: [...GOOD.publisher, publish('p4')] },
      { dataLost: true },
    ],
    [
      'nobody-waits',
      '`stored` was never told',
      { publisher: [publish('p1', 0, true), ...GOOD.publisher.slice(1)] },
      { dataLost: true },
    ],
    [
      'apps-apart',
      "another app's message",
      {
        subscriber: [
          begin(),
          ...['p1', 'p2', 'p3'].map((key, i) => got(key, i + 1)),
          { ...begin(), app: 'two' } as HistoryEvent,
          got('p1', 1, { app: 'two' }),
        ],
      },
    ],
    ['recovered-in-time', 'too late', later(111)],
    ['full-reread', 'a message is not there any more', { reread: all('reread', 'p1', 'p2') }],
    ['full-reread', 'in another order', { reread: [GOOD.reread[1]!, GOOD.reread[0]!, GOOD.reread[2]!] }],
    ['sound-history', 'a receive without a subscription', { subscriber: GOOD.subscriber.slice(1) }],
  ])('%s: %s', (invariant, _name, changes, expectations) => {
    expect(violatedBy(changes, expectations)).toContain(invariant);
  });

  it('of each invariant at least once above', ({ task }) => {
    const names = task.suite?.tasks.map(({ name }) => name) ?? [];
    for (const invariant of Object.keys(INVARIANTS))
      expect(
        names.some((name) => name.startsWith(invariant)),
        invariant,
      ).toBe(true);
  });

  it('in time is in time', () => {
    expect(judge(later(109))).toMatchObject({
      violated: {},
      worstRecoveryMs: 99,
      faults: { 'kill gateway': 1 },
    });
  });
});
