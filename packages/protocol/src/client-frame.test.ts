import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClientFrame } from './client-frame.ts';
import { elementSpans, findMember, isDeeperThan } from './json-scan.ts';

const LIMITS = { maxFrameDepth: 32, maxChannelsPerFrame: 4 };
const read = (frame: unknown) =>
  readClientFrame(typeof frame === 'string' ? frame : JSON.stringify(frame), LIMITS);
const publish = (members: object) => ({ type: 'publish', id: 1, channel: 'chat:a', payload: 1, ...members });

describe('readClientFrame', () => {
  it('[RE2] cuts the payload out exactly as it was sent, wherever and however it stands', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        space,
        fc.boolean(),
        (payload, other, gap, payloadFirst) => {
          const text = JSON.stringify(payload, null, gap === '' ? 0 : 2);
          const rest = `"type":"publish","id":1,"channel":"a","other":${JSON.stringify({ payload: other })}`;
          const frame = payloadFirst
            ? `{${gap}"payload"${gap}:${gap}${text}${gap},${rest}}`
            : `{${rest},"payload":${gap}${text}${gap}}`;
          const reading = read(frame);
          expect('frame' in reading && reading.frame.type === 'publish' && reading.frame.payloadJson).toBe(
            text,
          );
        },
      ),
    );
  });

  it('takes the last of two payloads, as JSON.parse does, and an escaped name', () => {
    const reading = read('{"type":"publish","id":1,"channel":"a","payload":1,"payl\\u006fad":2}');
    expect('frame' in reading && reading.frame).toMatchObject({ payloadJson: '2' });
  });

  it('[FR5] never throws, whatever text comes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void read(text)));
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(
          ...['connect', 'subscribe', 'unsubscribe', 'publish', 'history', 'ping'],
          ...['request', 'cancel', 'serve', 'response'],
        ),
        (value, type) => {
          const members =
            typeof value === 'object' && value !== null && !Array.isArray(value)
              ? value
              : { id: value, channel: value, channels: value, producer: value };
          read({ ...members, type });
        },
      ),
    );
  });

  it.each([
    ['FRAME_MALFORMED', 'no json', '{'],
    ['FRAME_MALFORMED', 'no object', '[1]'],
    ['FRAME_INVALID', 'no id', { type: 'ping' }],
    ['FRAME_INVALID', 'an id of the wrong kind', { type: 'ping', id: 1.5 }],
    ['FRAME_INVALID', 'a long id', { type: 'ping', id: 'x'.repeat(65) }],
    ['FRAME_TYPE_UNKNOWN', 'an unknown type', { type: 'shout', id: 1 }],
    ['FRAME_INVALID', 'a prototype', '{"type":"ping","id":1,"__proto__":{}}'],
    ['FRAME_INVALID', 'no channels', { type: 'subscribe', id: 1, channels: [] }],
    [
      'FRAME_INVALID',
      'too many channels',
      { type: 'subscribe', id: 1, channels: Array(5).fill({ channel: 'a' }) },
    ],
    ['CHANNEL_INVALID', 'a reserved channel', publish({ channel: '#reserved' })],
    ['CHANNEL_INVALID', 'a long channel', publish({ channel: 'a'.repeat(201) })],
    ['FRAME_INVALID', 'an event with a control character', publish({ event: 'a\u0007' })],
    ['FRAME_INVALID', 'a short producer id', publish({ producer: { id: 'short', seq: 1 } })],
    ['FRAME_INVALID', 'a producer seq of 0', publish({ producer: { id: 'producer-1', seq: 0 } })],
    [
      'FRAME_INVALID',
      'a prev that is not before',
      publish({ producer: { id: 'producer-1', seq: 2, prev: 2 } }),
    ],
    [
      'POSITION_INVALID',
      'a negative seq',
      { type: 'history', id: 1, channel: 'a', after: { epoch: 'e', seq: -1 } },
    ],
    [
      'FRAME_INVALID',
      'after and before',
      { type: 'history', id: 1, channel: 'a', after: { epoch: 'e', seq: 1 }, before: { epoch: 'e', seq: 1 } },
    ],
    ['FRAME_INVALID', 'a limit of 1001', { type: 'history', id: 1, channel: 'a', limit: 1001 }],
  ])('answers %s for %s', (code, _what, frame) => {
    expect(read(frame)).toMatchObject({ error: { code, retryable: false } });
  });

  it('[SU1] a fault of one channel does not concern the others', () => {
    const reading = read({
      type: 'subscribe',
      id: 1,
      channels: [
        { channel: 'bad name' },
        { channel: 'good' },
        { channel: 'c', position: { epoch: '!', seq: 1 } },
      ],
    });
    expect(reading).toMatchObject({
      frame: {
        channels: [
          { fault: { code: 'CHANNEL_INVALID' } },
          { channel: 'good', fault: undefined },
          { fault: { code: 'POSITION_INVALID' } },
        ],
      },
    });
  });

  it('[PU4] prev is seq - 1 unless it is given', () => {
    expect(read(publish({ producer: { id: 'producer-1', seq: 5 } }))).toMatchObject({
      frame: { producer: { seq: 5, prev: 4 } },
    });
    expect(read(publish({ producer: { id: 'producer-1', seq: 5, prev: 2 } }))).toMatchObject({
      frame: { producer: { prev: 2 } },
    });
  });

  it('ignores a trace that is not a traceparent', () => {
    expect(read(publish({ trace: 'nonsense' }))).toEqual({
      frame: { type: 'publish', id: 1, channel: 'chat:a', payloadJson: '1' },
    });
  });
});

describe('json-scan', () => {
  it('finds every element of an array as it stands', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const text = JSON.stringify(values, null, 1);
        expect(
          elementSpans(text).map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown),
        ).toEqual(JSON.parse(text));
      }),
    );
  });

  it('knows the depth, and is not fooled by brackets in strings', () => {
    expect(isDeeperThan('{"a":"[[[[[{{{"}', 1)).toBe(false);
    expect(isDeeperThan('[[[]]]', 2)).toBe(true);
    expect(isDeeperThan('[[],[],[]]', 2)).toBe(false);
    expect(isDeeperThan(`"${'\\"['.repeat(50)}"`, 1)).toBe(false);
  });

  it('finds no member that is only nested', () => {
    expect(findMember('{"a":{"payload":1}}', 'payload')).toBeUndefined();
  });
});
