import { parseJson, type ServerFrame, SUBPROTOCOL_JSON } from '@carillon/protocol';

/** A frame as it is handed to the socket. */
export type Encoded = string | Uint8Array<ArrayBuffer>;

/** How frames look on the wire. */
export interface Encoding {
  /** Offered to the server: its own, then those without which it can do. When its own isn't selected, frames are sent as JSON text. */
  readonly subprotocols: readonly string[];
  /** A frame's JSON text, as it is sent. */
  encode(frame: string): Encoded;
  /** Decodes a received message: text, or an ArrayBuffer. @throws when it is no valid frame */
  decode(data: unknown): ServerFrame;
  /** JSON text of a payload. `undefined`, or an exception, when it has none. */
  stringify(payload: unknown): string | undefined;
}

export const JSON_ENCODING: Encoding = {
  subprotocols: [SUBPROTOCOL_JSON],
  encode: (frame) => frame,
  decode: (data) => parseJson(data as string) as ServerFrame,
  stringify: JSON.stringify,
};
