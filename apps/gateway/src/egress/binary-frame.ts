const FINAL_BINARY = 0x82;
const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 127;
const LENGTH_BITS = 0x7f;

/** Bytes before the content of a server's frame. */
function headerLengthFor(contentBytes: number): number {
  if (contentBytes < TWO_BYTE_LENGTH) return 2;
  return contentBytes < 65_536 ? 4 : 10;
}

/** A WebSocket frame with room for its content. @param first opcode and flags */
function emptyFrame(first: number, contentBytes: number): { frame: Buffer; contentAt: number } {
  const contentAt = headerLengthFor(contentBytes);
  const frame = Buffer.allocUnsafe(contentAt + contentBytes);
  frame[0] = first;
  if (contentAt === 2) frame[1] = contentBytes;
  else if (contentAt === 4) {
    frame[1] = TWO_BYTE_LENGTH;
    frame.writeUInt16BE(contentBytes, 2);
  } else {
    frame[1] = EIGHT_BYTE_LENGTH;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(contentBytes, 6);
  }
  return { frame, contentAt };
}

/** A WebSocket binary frame of a server, ready to be written to any number of sockets. */
export function binaryFrame(content: Uint8Array): Buffer {
  const { frame, contentAt } = emptyFrame(FINAL_BINARY, content.length);
  frame.set(content, contentAt);
  return frame;
}

/** Payload of an unmasked WebSocket frame (RFC 6455, 5.2). A view, not a copy. */
export function contentOf(frame: Buffer): Buffer {
  const length = frame[1]! & LENGTH_BITS;
  if (length < TWO_BYTE_LENGTH) return frame.subarray(2);
  return frame.subarray(length === TWO_BYTE_LENGTH ? 4 : 10);
}

/** One frame of the kind of `like` with these parts as its content. */
export function joinedFrame(like: Buffer, parts: readonly Uint8Array[], contentBytes: number): Buffer {
  const { frame, contentAt } = emptyFrame(like[0]!, contentBytes);
  let at = contentAt;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
