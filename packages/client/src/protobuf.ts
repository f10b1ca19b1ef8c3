import {
  type ClientFrame,
  findMember,
  type ServerFrame,
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_PROTOBUF,
} from '@carillon/protocol';
import {
  decodeServerFrame,
  encodeClientFrame,
  payloadMembers,
  TEXTS,
  VALUES,
} from '@carillon/protocol/protobuf';
import { jsonWithBytes } from './bytes.ts';
import type { Encoding } from './encoding.ts';

function encode(text: string): Uint8Array<ArrayBuffer> {
  const frame = JSON.parse(text) as ClientFrame & Record<string, unknown>;
  for (const name of payloadMembers(frame.type)) {
    const span = findMember(text, name);
    // The application's text, not a parsed and rewritten one.
    if (span !== undefined) frame[name] = text.slice(span.start, span.end);
  }
  return encodeClientFrame(frame, TEXTS);
}

/**
 * Frames in protobuf, typed arrays as bytes: `new RealtimeClient({ encoding: protobuf })`. With a server that doesn't speak it the client
 * goes on in JSON, where typed arrays are typed arrays as well.
 */
export const protobuf: Encoding = {
  subprotocols: [SUBPROTOCOL_PROTOBUF, SUBPROTOCOL_JSON],
  encode,
  decode: (data) => {
    if (typeof data === 'string') return jsonWithBytes.decode(data);
    // A type of frame that is not known here is as one of JSON: nobody takes it.
    return decodeServerFrame(new Uint8Array(data as ArrayBuffer), VALUES) ?? ({} as ServerFrame);
  },
  stringify: jsonWithBytes.stringify,
};
