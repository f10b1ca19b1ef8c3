/** How payloads stand in a frame's model: as values for applications, as text where they are only passed on. */
import { asBytes, bytesOf, bytesText, readBytesText, typedArrayOf, wireBytesOf } from '../bytes-payload.ts';
import type { PayloadForm } from './fields.ts';
import { WireError } from './wire-error.ts';

/** Values: what JSON can say, and typed arrays, at the top or within. */
export const VALUES: PayloadForm = {
  toWire: (payload) => wireBytesOf(payload) ?? jsonText(payload),
  fromWire: (wire) => {
    if (typeof wire === 'string') return parsePayload(wire);
    const array = typedArrayOf(wire);
    if (array === undefined)
      throw new WireError(`A payload of ${wire.data.length} bytes is not of type ${wire.type}`);
    return array;
  },
};

/** The payload's JSON text. Bytes are in it in their JSON form, and only there. */
export const TEXTS: PayloadForm = {
  toWire: (payload) => readBytesText(payload as string) ?? (payload as string),
  fromWire: (wire) => (typeof wire === 'string' ? wire : bytesText(wire)),
};

/** JSON text in which typed arrays have their JSON form. @throws TypeError when it is not a JSON value. */
export function jsonText(payload: unknown): string {
  // What JSON.stringify hands over has been through toJSON, which typed arrays of Node have; `this` has not.
  const text = JSON.stringify(payload, function (this: Record<string, unknown>, name, value: unknown) {
    const raw = this[name];
    return ArrayBuffer.isView(raw) || raw instanceof ArrayBuffer ? asBytes(raw) : value;
  }) as string | undefined;
  if (text === undefined) throw new TypeError('The payload is not a JSON value');
  return text;
}

/** The value of JSON text, with typed arrays where it has their JSON form. @throws WireError */
export function parsePayload(text: string): unknown {
  try {
    if (!text.includes('"$bytes"')) return JSON.parse(text);
    return JSON.parse(text, (_name, value: unknown) => bytesOf(value) ?? value);
  } catch (cause) {
    throw new WireError('A payload is not JSON', { cause });
  }
}
