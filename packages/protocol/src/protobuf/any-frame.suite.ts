/** Any frame with any members, made from the tables. */
import fc from 'fast-check';
import { parseJson } from '../parse-json.ts';
import type { Shape } from './fields.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from './shapes.ts';

type Model = Record<string, unknown>;

const ARRAYS = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
];

/** Text that has a form in UTF-8, short and long. */
const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 40, maxLength: 300 }) },
);
const anyUint = fc.oneof(fc.nat(300), fc.maxSafeNat());
const anyRequestId = fc.oneof(fc.maxSafeInteger(), anyText);
export const anyTypedArray = fc
  .tuple(
    fc.constantFrom(...ARRAYS),
    fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 8 }),
  )
  .map(([Class, parts]) => new Class(Uint8Array.from(parts.flatMap((part) => [...part])).buffer));
/** Values that survive JSON.stringify and JSON.parse unchanged. */
/** Without members that the SDKs leave out. */
export const anyJson = fc.jsonValue().map((value): unknown => parseJson(JSON.stringify(value)));
export const anyPayload = fc.oneof(anyJson, anyTypedArray);

function membersOf(shape: Shape<never>, payloads: fc.Arbitrary<unknown>): fc.Arbitrary<Model> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const [name, field] of shape.members) {
    const within = (): fc.Arbitrary<unknown> => {
      const model = membersOf(field.shape!, payloads);
      return field.type === undefined ? model : model.map((rest) => ({ type: field.type, ...rest }));
    };
    const single = {
      text: () => anyText,
      uint: () => anyUint,
      flag: () => fc.boolean(),
      payload: () => payloads,
      requestId: () => anyRequestId,
      message: within,
    }[field.kind]();
    // An empty list is none on the wire.
    const minLength = field.optional ? 1 : 0;
    members[name] = field.repeated ? fc.array(single, { minLength, maxLength: 4 }) : single;
    if (!field.optional) required.push(name);
  }
  return fc.record(members, { requiredKeys: required, noNullPrototype: true });
}

function anyOf(id: 'id' | 're', shapes: object, payloads: fc.Arbitrary<unknown>): fc.Arbitrary<Model> {
  const types = Object.entries(shapes as Record<string, { shape: Shape<never> }>);
  return fc.oneof(
    ...types.map(([type, { shape }]) =>
      fc
        .tuple(anyRequestId, membersOf(shape, payloads))
        .map(([value, members]): Model => ({ type, [id]: value, ...members })),
    ),
  );
}

export const anyClientFrame = (payloads: fc.Arbitrary<unknown> = anyPayload) =>
  anyOf('id', CLIENT_FRAMES, payloads);
export const anyServerFrame = (payloads: fc.Arbitrary<unknown> = anyPayload) =>
  anyOf('re', SERVER_FRAMES, payloads);
