import { CarillonError } from '@carillon/protocol';
import { describe, expect, it } from 'vitest';
import { cursorOf, cursorText, limitOf, readSchedule, stateOf } from './schedule-body.ts';

const LIMITS = { maxFrameBytes: 1000, maxFrameDepth: 10, maxHttpBatchMessages: 10 };
const codeOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof CarillonError) return error.code;
    throw error;
  }
  return 'read';
};

describe('the body of a schedule', () => {
  it.each([
    ['{"payload":1e400,"delayMs":5}', { payload: '1e400', event: undefined, delayMs: 5 }],
    ['{"delayMs":0,"payload": {"a" : 1},"event":"x"}', { payload: '{"a" : 1}', event: 'x', delayMs: 0 }],
    [
      '{"payload":1,"deliverAt":1800000000000}',
      { payload: '1', event: undefined, deliverAtMs: 1_800_000_000_000 },
    ],
    [
      '{"payload":1,"deliverAt":"2027-01-15T10:00:00+02:00"}',
      { payload: '1', event: undefined, deliverAtMs: Date.UTC(2027, 0, 15, 8) },
    ],
    [
      '{"payload":1,"deliverAt":"2027-01-15T08:00Z"}',
      { payload: '1', event: undefined, deliverAtMs: Date.UTC(2027, 0, 15, 8) },
    ],
  ])('is read: %s', (text, expected) => {
    expect(readSchedule(text, LIMITS)).toEqual(expected);
  });

  it.each([
    ['{"payload":1}', 'BODY_INVALID'],
    ['{"payload":1,"delayMs":null}', 'BODY_INVALID'],
    ['{"payload":1,"delayMs":"5"}', 'BODY_INVALID'],
    ['{"payload":1,"delayMs":1e300}', 'SCHEDULE_TOO_FAR'],
    ['{"payload":1,"delayMs":-1}', 'SCHEDULE_IN_PAST'],
    ['{"payload":1,"deliverAt":-1}', 'SCHEDULE_IN_PAST'],
    ['{"payload":1,"deliverAt":"tomorrow"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":"2027-02-30T25:00:00Z"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":"2027-02-30T08:00:00Z"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":"2027-02-29T08:00:00Z"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":"2027-04-31T23:00:00-05:00"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":"2027-01-01"}', 'BODY_INVALID'],
    ['{"payload":1,"deliverAt":{}}', 'BODY_INVALID'],
    ['{"messages":[{"payload":1}],"delayMs":1}', 'BODY_INVALID'],
    ['{"delayMs":1}', 'PAYLOAD_INVALID'],
    ['[]', 'BODY_INVALID'],
    [`{"payload":"${'x'.repeat(1001)}","delayMs":1}`, 'FRAME_TOO_LARGE'],
  ])('is refused: %s', (text, code) => {
    expect(codeOf(() => readSchedule(text, LIMITS))).toBe(code);
  });
});

it('reads what a list is asked for', () => {
  expect([stateOf(undefined), stateOf('pending'), limitOf(undefined), limitOf('7')]).toEqual([
    undefined,
    'pending',
    100,
    7,
  ]);
  expect(cursorOf(cursorText({ deliverAt: 5, id: 's-1a' } as never))).toEqual({ deliverAtMs: 5, id: 's-1a' });
  expect(cursorOf(undefined)).toBeUndefined();
  for (const wrong of [
    () => stateOf('x'),
    () => limitOf('0'),
    () => limitOf('201'),
    () => limitOf('a'),
    () => cursorOf('x'),
  ])
    expect(codeOf(wrong)).toBe('QUERY_INVALID');
});
