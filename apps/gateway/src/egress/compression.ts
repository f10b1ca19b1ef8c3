import { constants, deflateRawSync } from 'node:zlib';
import type { WebSocket } from 'ws';
import { contentOf, joinedFrame } from './binary-frame.ts';

/** Larger frames leave as they are: compressing them would hold up everybody else. */
const MAX_BYTES = 256 * 1024;
/** For messages of some kilobytes a lower level takes as long. */
const LEVEL = 6;
/** RSV1: the content is compressed (RFC 7692 section 6). */
const COMPRESSED = 0x40;
/** A deflate block that ends a message ends with these; they are left out (RFC 7692 section 7.2.1). */
const TAIL_BYTES = 4;

/** How the extension is negotiated: each message by itself, in both directions, so that nothing has to be kept per connection. */
export const NEGOTIATION = { serverNoContextTakeover: true, clientNoContextTakeover: true } as const;

/**
 * Frames as permessage-deflate has them. No message refers to the one before, so a frame is compressed once for all clients that get
 * it.
 */
export class Compression {
  readonly #minBytes: number;
  readonly #compressed = new WeakMap<Buffer, Buffer>();

  /** @param minBytes smaller frames leave as they are */
  constructor(minBytes: number) {
    this.#minBytes = minBytes;
  }

  /** @param frame a whole one, not compressed, not changed afterwards */
  of(frame: Buffer): Buffer {
    if (frame.length < this.#minBytes || frame.length > MAX_BYTES) return frame;
    const known = this.#compressed.get(frame);
    if (known !== undefined) return known;
    const compressed = compress(frame);
    this.#compressed.set(frame, compressed);
    return compressed;
  }
}

/** The frame itself where compression gains nothing. */
function compress(frame: Buffer): Buffer {
  const deflated = deflateRawSync(contentOf(frame), { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  const contentBytes = deflated.length - TAIL_BYTES;
  const compressed = joinedFrame(frame, [deflated.subarray(0, contentBytes)], contentBytes);
  compressed[0]! |= COMPRESSED;
  return compressed.length < frame.length ? compressed : frame;
}

interface Extensions {
  readonly 'permessage-deflate'?: {
    readonly params?: {
      readonly server_no_context_takeover?: boolean;
      readonly server_max_window_bits?: number;
    } | null;
  };
}

/**
 * Does the client take frames that were compressed for all? Not when it negotiated a smaller window: prepared frames
 * use the largest. The library keeps the negotiated parameters in a member that its types leave out.
 */
export function takesCompressed(webSocket: WebSocket): boolean {
  const { _extensions: extensions } = webSocket as WebSocket & { readonly _extensions?: Extensions };
  const params = extensions?.['permessage-deflate']?.params;
  return params?.server_no_context_takeover === true && params.server_max_window_bits === undefined;
}
