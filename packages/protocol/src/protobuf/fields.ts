/**
 * Frames as protobuf, by tables. A table is typed by what it describes: a member without a field, or a field of another kind than the
 * member, does not compile.
 */
import type { WireBytes } from '../bytes-payload.ts';
import type { RequestId } from '../frame-parts.ts';
import { LENGTH, VARINT, type WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

type Model = Record<string, unknown>;

/** How payloads stand in the model; on the wire they are JSON text or bytes. */
export interface PayloadForm {
  readonly toWire: (payload: unknown) => string | WireBytes;
  readonly fromWire: (wire: string | WireBytes) => unknown;
}

type Kind = 'text' | 'uint' | 'flag' | 'message' | 'payload' | 'requestId';

/** A member of type `Value`. */
export interface Field<Value, Optional extends boolean = false> {
  readonly no: number;
  readonly kind: Kind;
  readonly optional: Optional;
  readonly repeated?: boolean;
  readonly shape?: Shape<never>;
  /** `type` of a frame that stands within another. */
  readonly type?: string;
  /** Only for the compiler. */
  readonly value?: Value;
}

type FieldOf<T, Key extends keyof T> =
  Record<never, never> extends Pick<T, Key> ? Field<Exclude<T[Key], undefined>, true> : Field<T[Key]>;

/** One field for each member of `T`. */
export type Fields<T> = { readonly [Key in keyof T]-?: FieldOf<T, Key> };

type AnyField = Field<unknown, boolean>;

export interface Shape<T> {
  readonly members: readonly (readonly [name: string, field: AnyField])[];
  /** By number of the field. */
  readonly numbers: ReadonlyMap<number, readonly [name: string, field: AnyField]>;
  /** Names of the members that are payloads. */
  readonly payloads: readonly string[];
  /** Only for the compiler. */
  readonly described?: T;
}

export function shape<T>(fields: NoInfer<Fields<T>>): Shape<T> {
  const members = Object.entries(fields) as [string, AnyField][];
  const numbers = new Map<number, [string, AnyField]>();
  for (const member of members) {
    const { no, kind } = member[1];
    numbers.set(no, member);
    if (kind === 'payload' || kind === 'requestId') numbers.set(no + 1, member);
  }
  const payloads = members.filter(([, { kind }]) => kind === 'payload').map(([name]) => name);
  return { members, numbers, payloads };
}

export const text = <Value extends string>(no: number): Field<Value> => ({
  no,
  kind: 'text',
  optional: false,
});
export const texts = (no: number): Field<readonly string[]> => ({
  no,
  kind: 'text',
  optional: false,
  repeated: true,
});
export const uint = (no: number): Field<number> => ({ no, kind: 'uint', optional: false });
export const flag = (no: number): Field<boolean> => ({ no, kind: 'flag', optional: false });
export const nested = <Value>(no: number, of: Shape<Value>): Field<Value> => ({
  no,
  kind: 'message',
  optional: false,
  shape: of as Shape<never>,
});
export const list = <Item>(no: number, of: Shape<Item>): Field<readonly Item[]> => ({
  no,
  kind: 'message',
  optional: false,
  repeated: true,
  shape: of as Shape<never>,
});
/** Whole frames within a frame. */
export const frames = <Frame extends { readonly type: string }>(
  no: number,
  type: Frame['type'],
  of: Shape<Omit<Frame, 'type'>>,
): Field<readonly Frame[]> => ({
  no,
  kind: 'message',
  optional: false,
  repeated: true,
  shape: of as Shape<never>,
  type,
});
/** Takes two numbers: JSON text, and after it bytes. */
export const payload = (no: number): Field<unknown> => ({ no, kind: 'payload', optional: false });
/** Takes two numbers: an integer, and after it text. */
export const requestId = (no: number): Field<RequestId> => ({ no, kind: 'requestId', optional: false });
/** May be absent, which is not the same as 0, false or empty. */
export const optional = <Value>(field: Field<Value>): Field<Value, true> => ({ ...field, optional: true });

// ---- writing ----------------------------------------------------------------------------------------------------

export function writeShape(writer: WireWriter, of: Shape<never>, model: Model, form: PayloadForm): void {
  for (const [name, field] of of.members) {
    const value = model[name];
    if (value === undefined) continue;
    if (field.repeated) for (const item of value as readonly unknown[]) write(writer, field, item, form);
    else if (field.optional || !isImplied(field.kind, value)) write(writer, field, value, form);
  }
}

/** The absence of what has to be there says 0, false or empty. */
function isImplied(kind: Kind, value: unknown): boolean {
  return (kind === 'text' || kind === 'uint' || kind === 'flag') && !value;
}

function write(writer: WireWriter, field: AnyField, value: unknown, form: PayloadForm): void {
  const { no, kind } = field;
  if (kind === 'text') writer.text(no, String(value));
  else if (kind === 'uint') writer.uint(no, value as number);
  else if (kind === 'flag') writer.uint(no, value ? 1 : 0);
  else if (kind === 'message')
    writer.message(no, () => writeShape(writer, field.shape!, value as Model, form));
  else if (kind === 'requestId') writeRequestId(writer, no, value as RequestId);
  else writePayload(writer, no, form.toWire(value));
}

export function writeRequestId(writer: WireWriter, no: number, id: RequestId): void {
  if (typeof id === 'number') writer.sint(no, id);
  else writer.text(no + 1, id);
}

function writePayload(writer: WireWriter, no: number, wire: string | WireBytes): void {
  if (typeof wire === 'string') writer.text(no, wire);
  else
    writer.message(no + 1, () => {
      if (wire.type !== '') writer.text(1, wire.type);
      if (wire.data.length > 0) writer.bytes(2, wire.data);
    });
}

// ---- reading ----------------------------------------------------------------------------------------------------

/** Fields that aren't known, or come as something else than they are, are passed over. A field that comes twice: the last one counts. */
export function readShape(
  reader: WireReader,
  of: Shape<never>,
  form: PayloadForm,
  model: Model = blank(of),
): Model {
  while (reader.hasMore) {
    const { no, wire } = reader.tag();
    const member = of.numbers.get(no);
    if (member === undefined || wire !== wireTypeOf(member[1], no)) reader.skip(wire);
    else {
      const [name, field] = member;
      if (field.repeated) {
        model[name] ??= [];
        (model[name] as unknown[]).push(read(reader, field, form));
      } else model[name] = read(reader, field, form, no, model[name]);
    }
  }
  return model;
}

function wireTypeOf(field: AnyField, no: number): number {
  const isNumber =
    field.kind === 'uint' || field.kind === 'flag' || (field.kind === 'requestId' && no === field.no);
  return isNumber ? VARINT : LENGTH;
}

function blank({ members }: Shape<never>): Model {
  const model: Model = {};
  for (const [name, { optional: mayBeAbsent, repeated, kind }] of members) {
    if (mayBeAbsent) continue;
    if (repeated) model[name] = [];
    else if (kind === 'text') model[name] = '';
    else if (kind === 'uint') model[name] = 0;
    else if (kind === 'flag') model[name] = false;
  }
  return model;
}

function read(
  reader: WireReader,
  field: AnyField,
  form: PayloadForm,
  no: number = field.no,
  before?: unknown,
): unknown {
  if (field.kind === 'text') return reader.text();
  if (field.kind === 'uint') return reader.varint();
  if (field.kind === 'flag') return reader.varint() !== 0;
  if (field.kind === 'requestId') return no === field.no ? reader.zigzag() : reader.text();
  if (field.kind === 'payload') return form.fromWire(no === field.no ? reader.text() : readBytes(reader));
  // A message that comes twice is one message in two parts.
  const model = readShape(
    reader.message(),
    field.shape!,
    form,
    (before as Model | undefined) ?? blank(field.shape!),
  );
  return field.type === undefined ? model : { type: field.type, ...model };
}

function readBytes(reader: WireReader): WireBytes {
  const within = reader.message();
  let type = '';
  let data = new Uint8Array();
  while (within.hasMore) {
    const { no, wire } = within.tag();
    if (no === 1 && wire === LENGTH) type = within.text();
    else if (no === 2 && wire === LENGTH) data = within.bytes() as Uint8Array<ArrayBuffer>;
    else within.skip(wire);
  }
  return { type, data };
}
