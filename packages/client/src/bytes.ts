import { parsePayload, type ServerFrame, SUBPROTOCOL_JSON, stringifyPayload } from '@carillon/protocol';
import type { Encoding } from './encoding.ts';

export type { BytesPayload, BytesType, TypedArray } from '@carillon/protocol';
export { asBytes, bytesOf } from '@carillon/protocol';

/** JSON in which typed arrays are typed arrays at both ends: `new RealtimeClient({ encoding: jsonWithBytes })`. */
export const jsonWithBytes: Encoding = {
  subprotocols: [SUBPROTOCOL_JSON],
  encode: (frame) => frame,
  decode: (data) => parsePayload(data as string) as ServerFrame,
  stringify: stringifyPayload,
};
