import { encodeRecord } from '@carillon/protocol';
import { decodeServerFrame, VALUES } from '@carillon/protocol/protobuf';
import { describe, expect, it } from 'vitest';
import { contentOf } from './binary-frame.ts';
import { AcceptedFrames, HistoryFrames, MessageFrames, PayloadFrame, PlainFrame } from './frame.ts';

const record = encodeRecord({ id: 'm', timestamp: 1, user: 'ada' }, '{"n": 1}');

describe('a frame', () => {
  it('is made for an encoding when somebody wants it, once', () => {
    // Only protobuf reads the header.
    const unreadable = new MessageFrames('a', 'e', 1, '{"id":?}\n1');
    expect(contentOf(unreadable.in('json')).toString()).toContain('"payload":1');
    expect(() => unreadable.in('protobuf')).toThrow(SyntaxError);
    const frame = new MessageFrames('a', 'e', 1, record);
    expect(frame.byteLength).toBe(0);
    for (const encoding of ['json', 'protobuf'] as const) expect(frame.in(encoding)).toBe(frame.in(encoding));
    expect(frame.byteLength).toBe(frame.in('json').length);
  });

  it.each([
    new PlainFrame({
      type: 'gap',
      channel: 'a',
      epoch: 'e',
      seq: 1,
      reason: 'epoch-changed',
      from: { epoch: 'd', seq: 2 },
    }),
    new PayloadFrame({ type: 'response', re: 'x' }, '{"n": 1}'),
    new MessageFrames('a', 'e', 1, record),
    new AcceptedFrames({
      type: 'accepted',
      re: 7,
      channel: 'a',
      epoch: 'e',
      seq: 1,
      id: 'm',
      duplicate: true,
    }),
    new AcceptedFrames({
      type: 'accepted',
      re: 'x',
      channel: 'a',
      epoch: 'e',
      seq: 1,
      id: 'm',
      degraded: true,
    }),
    new HistoryFrames(1, 'a', {
      entries: [{ epoch: 'e', seq: 1, record }],
      more: true,
      reason: 'epoch-changed',
    }),
    new PlainFrame({ type: 'status', degraded: false, timestamp: 1 }),
  ])('says the same in both encodings (%#)', (frame) => {
    const inJson = frame.in('json');
    const inProtobuf = frame.in('protobuf');
    expect([inJson[0], inProtobuf[0]]).toEqual([0x81, 0x82]);
    expect(decodeServerFrame(contentOf(inProtobuf), VALUES)).toEqual(
      JSON.parse(contentOf(inJson).toString()),
    );
  });

  it.each([1, 125, 126, 65_535, 65_536, 200_000])('may be large: %i bytes', (length) => {
    const frame = new PayloadFrame({ type: 'response', re: 1 }, `"${'x'.repeat(length)}"`);
    for (const encoding of ['json', 'protobuf'] as const) {
      const bytes = frame.in(encoding);
      const said =
        bytes[1]! < 126 ? bytes[1]! : bytes[1] === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
      expect(contentOf(bytes)).toHaveLength(said);
      expect(said).toBeGreaterThan(length);
    }
  });
});
