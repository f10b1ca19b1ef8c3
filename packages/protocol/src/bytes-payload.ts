/**
 * A payload of bytes in JSON: `{"$bytes":"<base64>","$type":"f32"}`. Records and JSON frames hold it so; protobuf frames hold the
 * bytes. Rules [BY1]-[BY4] of SPEC.md. Numbers are little-endian, as on every machine that this code is made for.
 */

/** Arrays by the name of their type. */
const ARRAYS = {
  u8: Uint8Array,
  u8c: Uint8ClampedArray,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
} as const;

/** Element type of the bytes, by the names of `$type`. */
export type BytesType = keyof typeof ARRAYS;
export type TypedArray = InstanceType<(typeof ARRAYS)[BytesType]>;

/** The form in JSON. */
export interface BytesPayload {
  readonly $bytes: string;
  readonly $type: BytesType;
}

/** Bytes and what they are. */
export interface WireBytes {
  readonly type: string;
  readonly data: Uint8Array;
}

const START = '{"$bytes":"';

interface NodeBuffer {
  readonly from: {
    (text: string, encoding: 'base64'): Uint8Array;
    (
      bytes: ArrayBufferLike,
      offset: number,
      length: number,
    ): { readonly toString: (encoding: string) => string };
  };
}
/** Where there is one it is ten times as fast. */
const nodeBuffer = (globalThis as { readonly Buffer?: NodeBuffer }).Buffer;

function toBase64(bytes: Uint8Array): string {
  if (nodeBuffer !== undefined)
    return nodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** `undefined` when it isn't base64 with its padding. */
function fromBase64(text: string): Uint8Array | undefined {
  // Node takes these as well, as RFC 4648 section 5 has them.
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return undefined;
  try {
    const bytes =
      nodeBuffer === undefined
        ? Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
        : nodeBuffer.from(text, 'base64');
    // Buffer skips characters outside base64's alphabet: the length shows it.
    return bytes.length === bytesIn(text) ? bytes : undefined;
  } catch {
    return undefined; // atob says no
  }
}

/** Is it a type of array, and do whole elements of it have this many bytes? */
function fits(type: unknown, byteLength: number): type is BytesType {
  return (
    typeof type === 'string' &&
    Object.hasOwn(ARRAYS, type) &&
    byteLength % ARRAYS[type as BytesType].BYTES_PER_ELEMENT === 0
  );
}

function bytesIn(base64: string): number {
  return (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/** Bytes and type of a typed array, a DataView or an ArrayBuffer; `undefined` for anything else. Not a copy. */
export function wireBytesOf(value: unknown): WireBytes | undefined {
  if (value instanceof ArrayBuffer) return { type: 'u8', data: new Uint8Array(value) };
  if (!ArrayBuffer.isView(value)) return undefined;
  const type = Object.entries(ARRAYS).find(([, array]) => value instanceof array)?.[0] ?? 'u8';
  return { type, data: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) };
}

/** The array that the bytes are, a copy of its own; `undefined` when they are none. */
export function typedArrayOf({ type, data }: WireBytes): TypedArray | undefined {
  const known = type === '' ? 'u8' : type;
  return fits(known, data.length) ? new ARRAYS[known](new Uint8Array(data).buffer) : undefined;
}

/** The JSON form of a typed array, a DataView or an ArrayBuffer. The last two come back as `Uint8Array`. */
export function asBytes(value: ArrayBufferView | ArrayBuffer): BytesPayload {
  const { type, data } = wireBytesOf(value)!;
  return { $bytes: toBase64(data), $type: type as BytesType };
}

/** The typed array that a value stands for; `undefined` when it isn't of the JSON form. */
export function bytesOf(value: unknown): TypedArray | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return undefined;
  const { $bytes, $type } = value as Partial<BytesPayload>;
  if (typeof $bytes !== 'string' || !fits($type, bytesIn($bytes))) return undefined;
  const data = fromBase64($bytes);
  return data && typedArrayOf({ type: $type, data });
}

/** The JSON text of a payload of bytes; `undefined` when the type is unknown or doesn't fit the length. [BY2] */
export function bytesText({ type, data }: WireBytes): string | undefined {
  const known = type === '' ? 'u8' : type;
  return fits(known, data.length) ? `${START}${toBase64(data)}","$type":"${known}"}` : undefined;
}

/** The bytes of a payload's text when it is exactly what {@link bytesText} makes; else it is JSON like any other. [BY3] */
export function readBytesText(text: string): WireBytes | undefined {
  if (!text.startsWith(START)) return undefined;
  const end = text.indexOf('"', START.length);
  const base64 = text.slice(START.length, end);
  const type = text.slice(end + 11, -2);
  if (text !== `${START}${base64}","$type":"${type}"}`) return undefined;
  const data = fits(type, bytesIn(base64)) ? fromBase64(base64) : undefined;
  return data && { type, data };
}
