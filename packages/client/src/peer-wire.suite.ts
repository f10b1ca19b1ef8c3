/** The peer speaks JSON; this puts it into protobuf where that was selected. */
import { parsePayload, type ServerFrame, SUBPROTOCOL_PROTOBUF, stringifyPayload } from '@carillon/protocol';
import { decodeClientFrame, encodeServerFrame, VALUES } from '@carillon/protocol/protobuf';

/** Encodes a frame of the peer for the wire. */
export function outgoing(subprotocol: string | undefined, text: string): string | Uint8Array<ArrayBuffer> {
  if (subprotocol !== SUBPROTOCOL_PROTOBUF) return text;
  return encodeServerFrame(parsePayload(text) as ServerFrame, VALUES);
}

/** Decodes a received frame for the peer. */
export function incoming(subprotocol: string | undefined, data: string | Uint8Array): string {
  if (subprotocol !== SUBPROTOCOL_PROTOBUF) return String(data);
  return stringifyPayload(decodeClientFrame(data as Uint8Array, VALUES));
}
