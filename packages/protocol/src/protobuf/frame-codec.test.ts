/** The tables against themselves, against JSON, and against carillon.proto as another implementation reads it. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { wireBytesOf } from '../bytes-payload.ts';
import type { ClientFrame, ServerFrame } from '../frames.ts';
import { anyClientFrame, anyJson, anyServerFrame } from './any-frame.suite.ts';
import type { Shape } from './fields.ts';
import { decodeClientFrame, decodeServerFrame, encodeClientFrame, encodeServerFrame } from './frame-codec.ts';
import { TEXTS, VALUES } from './payload-forms.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from './shapes.ts';

type Model = Record<string, unknown>;

const SIDES = [
  {
    side: 'client',
    id: 'id',
    shapes: CLIENT_FRAMES as unknown as Record<string, { no: number; shape: Shape<never> }>,
    any: anyClientFrame,
    encode: (frame: Model) => encodeClientFrame(frame as unknown as ClientFrame, VALUES),
    decode: (bytes: Uint8Array) => decodeClientFrame(bytes, VALUES),
    message: 'ClientFrame',
  },
  {
    side: 'server',
    id: 're',
    shapes: SERVER_FRAMES as unknown as Record<string, { no: number; shape: Shape<never> }>,
    any: anyServerFrame,
    encode: (frame: Model) => encodeServerFrame(frame as unknown as ServerFrame, VALUES),
    decode: (bytes: Uint8Array) => decodeServerFrame(bytes, VALUES),
    message: 'ServerFrame',
  },
] as const;

const { root } = protobuf.parse(readFileSync(new URL('../../carillon.proto', import.meta.url), 'utf8'));
const typeOf = (name: string) => root.resolveAll().lookupType(`carillon.v1.${name}`);
const camel = (type: string) => type.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());

/** The model in the names of the schema. */
function inSchema(shape: Shape<never>, model: Model): Model {
  const object: Model = {};
  for (const [name, field] of shape.members) {
    const value = model[name];
    if (value === undefined) continue;
    if (field.kind === 'payload') {
      const bytes = wireBytesOf(value);
      if (bytes === undefined) object.json = JSON.stringify(value);
      else object.bytes = bytes;
    } else if (field.kind === 'requestId') object[`${name}${idSuffix(value)}`] = value;
    else if (field.kind !== 'message') object[name] = value;
    else if (field.repeated) object[name] = (value as Model[]).map((item) => inSchema(field.shape!, item));
    else object[name] = inSchema(field.shape!, value as Model);
  }
  return object;
}

const idSuffix = (value: unknown) => (typeof value === 'number' ? 'Number' : 'Text');

describe.each(SIDES)('frames of the $side in protobuf', ({ id, shapes, any, encode, decode, message }) => {
  const schema = typeOf(message);
  const envelopeOf = (frame: Model): Model => ({
    [`${id}${idSuffix(frame[id])}`]: frame[id],
    [camel(frame.type as string)]: inSchema(shapes[frame.type as string]!.shape, frame),
  });

  it('[PB3] are the frames of JSON', () => {
    fc.assert(
      fc.property(any(anyJson), (frame) => {
        expect(decode(encode(frame))).toEqual(JSON.parse(JSON.stringify(frame)));
      }),
      { numRuns: 2000 },
    );
  });

  it('[BY1] keep typed arrays what they are', () => {
    fc.assert(
      fc.property(any(), (frame) => {
        expect(decode(encode(frame))).toEqual(frame);
      }),
      { numRuns: 1000 },
    );
  });

  it('[PB2] are read as another implementation writes them by carillon.proto', () => {
    fc.assert(
      fc.property(any(), (frame) => {
        const theirs = schema.encode(schema.fromObject(envelopeOf(frame))).finish();
        expect(decode(theirs)).toEqual(frame);
      }),
      { numRuns: 1000 },
    );
  });

  it('[PB2] are read by another implementation by carillon.proto', () => {
    fc.assert(
      fc.property(any(), (frame) => {
        const again = schema.encode(schema.decode(encode(frame))).finish();
        expect(decode(again)).toEqual(frame);
      }),
      { numRuns: 1000 },
    );
  });

  it('[PB2] have the fields of carillon.proto, no more and no fewer', () => {
    const frames = Object.keys(shapes).map(camel);
    expect(Object.keys(schema.fields).sort()).toEqual([`${id}Number`, `${id}Text`, ...frames].sort());
    for (const [type, { no, shape }] of Object.entries(shapes)) {
      const field = schema.fields[camel(type)]!;
      expect(field.id, type).toBe(no);
      expectSameFields(field.resolvedType as protobuf.Type, shape);
    }
  });
});

/** Members with two field numbers in protobuf, and their names. */
const PAIRS: Record<string, (name: string) => readonly [string, string]> = {
  payload: () => ['json', 'bytes'],
  requestId: (name) => [`${name}Number`, `${name}Text`],
};

function expectSameFields(type: protobuf.Type, shape: Shape<never>): void {
  const ours = new Map<string, number>();
  for (const [name, field] of shape.members) {
    const pair = PAIRS[field.kind]?.(name);
    ours.set(pair?.[0] ?? name, field.no);
    if (pair !== undefined) ours.set(pair[1], field.no + 1);
    const theirs = type.fields[name];
    if (theirs === undefined) continue;
    expect(theirs.repeated, `${type.name}.${name}`).toBe(field.repeated === true);
    if (!field.repeated && field.kind !== 'message')
      expect(theirs.options?.proto3_optional === true, `${type.name}.${name}`).toBe(field.optional);
    if (field.kind === 'message') expectSameFields(theirs.resolvedType as protobuf.Type, field.shape!);
  }
  const theirs = new Map(Object.values(type.fields).map((field) => [field.name, field.id]));
  expect(ours, type.name).toEqual(theirs);
}

describe('bytes that are no frame', () => {
  const both = (bytes: Uint8Array) => {
    for (const { decode } of SIDES) {
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toMatchObject({ name: 'WireError', code: 'FRAME_MALFORMED', retryable: false });
      }
    }
  };

  it('[PB6] throw nothing but an error with a code', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), both), { numRuns: 5000 });
  });

  it('[PB6] nor do frames that are cut off or changed', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyClientFrame().map(SIDES[0].encode), anyServerFrame().map(SIDES[1].encode)),
        fc.nat(),
        fc.nat(255),
        (bytes, at, byte) => {
          const index = at % bytes.length;
          both(bytes.subarray(0, index));
          const changed = bytes.slice();
          changed[index] = byte;
          both(changed);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a length beyond the end', [0x1a, 0x7f]],
    ['a text that ends before its length', [0x12, 0x05, 0x61]],
    ['an unknown field that ends before its length', [0xba, 0x3e, 0x7f, 0x61]],
    ['a length of 2^63', [0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a number without an end', [0x08, ...Array<number>(60).fill(0x80)]],
    ['a group', [0x1b, 0x1c]],
    ['field 0', [0x00, 0x00]],
    ['text that is not UTF-8', [0x12, 0x02, 0xc3, 0x28]],
  ])('[PB6] refuses %s', (_what, bytes) => {
    expect(() => decodeClientFrame(Uint8Array.from(bytes), TEXTS)).toThrow(
      expect.objectContaining({ code: 'FRAME_MALFORMED' }),
    );
  });

  it('[PB5] passes over what it does not know, and takes the last of two', () => {
    const ping = encodeClientFrame({ type: 'ping', id: 1, timestamp: 7 }, TEXTS);
    const unknown = [
      0xba, 0x3e, 0x02, 0x01, 0x02, 0xb9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 0xbd, 0x3e, 1, 2, 3, 4,
    ];
    expect(decodeClientFrame(Uint8Array.from([...unknown, ...ping]), TEXTS)).toEqual({
      type: 'ping',
      id: 1,
      timestamp: 7,
    });
    const two = Uint8Array.from([...ping, 0x12, 0x01, 0x61]);
    expect(decodeClientFrame(two, TEXTS)).toMatchObject({ id: 'a' });
  });
});
