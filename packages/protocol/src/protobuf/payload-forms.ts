/** How payloads stand in a frame's model: as values for applications, as text where they are only passed on. */
import { parsePayload, stringifyPayload } from '../bytes-json.ts';
import { bytesText, readBytesText, typedArrayOf, wireBytesOf } from '../bytes-payload.ts';
import type { PayloadForm } from './fields.ts';
import { WireError } from './wire-error.ts';

/** Values: what JSON can say, and typed arrays, at the top or within. */
export const VALUES: PayloadForm = {
  toWire: (payload) => wireBytesOf(payload) ?? stringifyPayload(payload),
  fromWire: (wire) => {
    if (typeof wire === 'string') return parse(wire);
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

function parse(text: string): unknown {
  try {
    return parsePayload(text);
  } catch (cause) {
    throw new WireError('A payload is not JSON', { cause });
  }
}
