import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePayload, stringifyPayload } from '../bytes-json.ts';
import { readClientFrame } from '../client-frame.ts';
import type { ClientFrame } from '../frames.ts';
import { encodeRecord, messageFrame } from '../record.ts';
import { anyClientFrame, anyJson, anyPayload } from './any-frame.suite.ts';
import { decodeServerFrame, encodeClientFrame } from './frame-codec.ts';
import { batchHead, messageBytes } from './message-bytes.ts';
import { TEXTS, VALUES } from './payload-forms.ts';
import { readProtobufFrame } from './read-client-frame.ts';

const LIMITS = { maxFrameDepth: 32, maxChannelsPerFrame: 128 };
const read = (frame: object) => readProtobufFrame(encodeClientFrame(frame as ClientFrame, VALUES), LIMITS);
const publish = (payload: unknown) => ({ type: 'publish', id: 1, channel: 'chat:a', payload });
const published = (json: string) =>
  readProtobufFrame(encodeClientFrame(publish(json) as ClientFrame, TEXTS), LIMITS);

describe('readProtobufFrame', () => {
  it('[PB3] reads what the JSON encoding reads, and refuses what it refuses', () => {
    fc.assert(
      fc.property(anyClientFrame(anyJson), (frame) => {
        const inJson = readClientFrame(JSON.stringify(frame), LIMITS);
        expect(read(frame)).toEqual(inJson);
      }),
      { numRuns: 3000 },
    );
  });

  it('[PB4] takes the JSON text as it came', () => {
    expect(published(' {"n": 1.0,\n"n":2} ')).toMatchObject({
      frame: { payloadJson: ' {"n": 1.0,\n"n":2} ' },
    });
  });

  it('[BY2] takes bytes in their JSON form', () => {
    expect(read(publish(Float32Array.of(1, 2)))).toMatchObject({
      frame: { payloadJson: '{"$bytes":"AACAPwAAAEA=","$type":"f32"}' },
    });
  });

  it.each([
    ['PAYLOAD_INVALID', 'text that is not JSON', '{"a":'],
    ['PAYLOAD_INVALID', 'no text', ''],
    ['FRAME_TOO_DEEP', 'what nests too deep', `${'['.repeat(32)}${']'.repeat(32)}`],
  ])('answers %s for %s', (code, _what, json) => {
    expect(published(json)).toMatchObject({ error: { code }, re: 1 });
  });

  it('[FR4] takes a payload that is as deep as JSON may be', () => {
    expect(published(`${'['.repeat(31)}${']'.repeat(31)}`)).toHaveProperty('frame');
  });

  it('[BY2] answers PAYLOAD_INVALID for bytes that are none of their type', () => {
    for (const bytes of [
      { type: 'f32', data: new Uint8Array(3) },
      { type: 'f16', data: new Uint8Array(2) },
    ]) {
      const form = { ...VALUES, toWire: () => bytes };
      const frame = encodeClientFrame(publish(1) as ClientFrame, form);
      expect(readProtobufFrame(frame, LIMITS)).toMatchObject({ error: { code: 'PAYLOAD_INVALID' }, re: 1 });
    }
  });

  it.each([
    ['FRAME_MALFORMED', 'bytes that are no message', [0xff]],
    ['FRAME_INVALID', 'nothing', []],
    ['FRAME_TYPE_UNKNOWN', 'only an id', [0x08, 0x02]],
  ])('answers %s for %s', (code, _what, bytes) => {
    expect(readProtobufFrame(Uint8Array.from(bytes), LIMITS)).toMatchObject({ error: { code } });
  });

  it('[PB6] never throws, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readProtobufFrame(bytes, LIMITS)),
      { numRuns: 5000 },
    );
  });

  it('[PB6] takes no longer for the worst frame than for a plain one', () => {
    // One message in 32,000 parts; 64 KiB of empty list entries; of unknown fields.
    for (const pair of [
      [0x52, 0x00],
      [0x2a, 0x02, 0x0a, 0x00],
      [0xb8, 0x3e, 0x00],
    ]) {
      const bytes = Uint8Array.from(
        { length: 65_536 - (65_536 % pair.length) },
        (_, i) => pair[i % pair.length]!,
      );
      readProtobufFrame(bytes, LIMITS);
    }
  });
});

describe('frames of messages', () => {
  const record = (payload: unknown) =>
    encodeRecord({ id: 'm-1', timestamp: 17, event: 'e', user: 'ü' }, stringifyPayload(payload));

  it('[RE2] [PB4] say the same in both encodings', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const text = messageFrame('chat:a', 'e1', 7, record(payload));
        const bytes = messageBytes('chat:a', 'e1', 7, record(payload));
        expect(decodeServerFrame(bytes, VALUES)).toEqual(parsePayload(text));
      }),
    );
  });

  it('[BY3] hold bytes as bytes, and what only looks like them as text', () => {
    const asTheyCame = { ...VALUES, fromWire: (wire: unknown) => wire };
    const wireOf = (payloadJson: string) => {
      const bytes = messageBytes('a', 'e', 1, encodeRecord({ id: 'm', timestamp: 1 }, payloadJson));
      return (decodeServerFrame(bytes, asTheyCame) as { payload: unknown }).payload;
    };
    expect(wireOf('{"$bytes":"AACAPw==","$type":"f32"}')).toEqual({
      type: 'f32',
      data: Uint8Array.of(0, 0, 128, 63),
    });
    const almost = '{"$bytes": "AACAPw==","$type":"f32"}';
    expect(wireOf(almost)).toBe(almost);
  });

  it('[BA3] go into a batch as they are', () => {
    for (const count of [1, 2, 50]) {
      const frames = Array.from({ length: count }, (_, i) => messageBytes('a', 'e', i + 1, record({ i })));
      const body = Buffer.concat(frames);
      const batch = decodeServerFrame(Buffer.concat([batchHead(body.length), body]), VALUES);
      const messages = frames.map((frame) => decodeServerFrame(frame, VALUES));
      expect(batch).toEqual({ type: 'message_batch', messages });
    }
  });
});
