/**
 * The bytes of a journal. A frame is a marker, the length of its body, the checksum of its body, each in 4 bytes little endian, and the
 * body: entries as JSON, each followed by its text, all separated by U+0000, which JSON text and records don't have. A frame is written
 * with one call and counts as a whole or not at all.
 */
import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { JournalCorruptError } from './journal-error.ts';

const MARKER = 0x4e_52_55_4f; // "OURN" in the file
const HEAD_BYTES = 12;
/** Of UTF-8, for a char of JavaScript. */
const MAX_BYTES_A_CHAR = 3;
/** Memory that a writer keeps for its frames. Longer ones are rare. */
const KEPT_BYTES = 1024 * 1024;
const SEPARATOR = '\0';
const MARKER_BYTES = Buffer.from('OURN', 'latin1');
/** Above every frame that is written: see MAX_FRAME_CHARS in journal-writer.ts, 3 bytes a character at most. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** @param parts entries as JSON and their texts, in turns */
export function encodeFrame(parts: readonly string[]): Buffer {
  const body = parts.join(SEPARATOR);
  return encodeInto(Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(body)), body);
}

/** Encodes frames one after the other into the same memory: each is written before the next one is made. */
export class FrameEncoder {
  readonly #buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);

  /** As {@link encodeFrame}. What it returns is good until the next call. */
  encode(parts: readonly string[]): Buffer {
    const body = parts.join(SEPARATOR);
    const most = HEAD_BYTES + body.length * MAX_BYTES_A_CHAR;
    return most > KEPT_BYTES ? encodeFrame(parts) : encodeInto(this.#buffer, body);
  }
}

function encodeInto(buffer: Buffer, body: string): Buffer {
  const bytes = buffer.write(body, HEAD_BYTES);
  const frame = buffer.subarray(0, HEAD_BYTES + bytes);
  frame.writeUInt32LE(MARKER, 0);
  frame.writeUInt32LE(bytes, 4);
  frame.writeUInt32LE(crc32(frame.subarray(HEAD_BYTES)), 8);
  return frame;
}

/** Reads a journal file: its entries in order, and the end of its last whole frame. */
export class FrameReader {
  readonly #fd: number;
  readonly #path: string;
  readonly #size: number;
  #offset = 0;

  constructor(fd: number, path: string, size: number) {
    this.#fd = fd;
    this.#path = path;
    this.#size = size;
  }

  /** End of the last whole frame that was read. */
  get offset(): number {
    return this.#offset;
  }

  /** Entries as JSON text with their texts. Ends at the end of the file, or at a frame that is damaged. */
  *entries(): Generator<readonly [json: string, text: string]> {
    for (;;) {
      const body = this.#bodyAt(this.#offset);
      if (body === undefined) return;
      yield* entriesOf(body);
      this.#offset += HEAD_BYTES + body.length;
    }
  }

  /** Entries of whole frames behind the one that is damaged. A crash of the process leaves none: it cuts the last frame. */
  *following(): Generator<readonly [json: string, text: string]> {
    const rest = this.#read(this.#offset, this.#size - this.#offset);
    for (let at = rest.indexOf(MARKER_BYTES, 1); at >= 0; ) {
      const body = this.#bodyAt(this.#offset + at);
      if (body !== undefined) yield* entriesOf(body);
      at = rest.indexOf(MARKER_BYTES, at + (body === undefined ? 1 : HEAD_BYTES + body.length));
    }
  }

  #bodyAt(offset: number): Buffer | undefined {
    if (offset + HEAD_BYTES > this.#size) return undefined;
    const head = this.#read(offset, HEAD_BYTES);
    const bytes = head.readUInt32LE(4);
    const isFrame = head.readUInt32LE(0) === MARKER && bytes <= MAX_BODY_BYTES;
    if (!isFrame || offset + HEAD_BYTES + bytes > this.#size) return undefined;
    const body = this.#read(offset + HEAD_BYTES, bytes);
    return crc32(body) === head.readUInt32LE(8) ? body : undefined;
  }

  #read(offset: number, bytes: number): Buffer {
    const buffer = Buffer.allocUnsafe(bytes);
    let done = 0;
    while (done < bytes) {
      const count = readSync(this.#fd, buffer, done, bytes - done, offset + done);
      if (count === 0) throw new JournalCorruptError(this.#path, 'it became shorter while it was read');
      done += count;
    }
    return buffer;
  }
}

function* entriesOf(body: Buffer): Generator<readonly [json: string, text: string]> {
  const parts = body.toString().split(SEPARATOR);
  for (let i = 0; i < parts.length; i += 2) yield [parts[i]!, parts[i + 1] ?? ''];
}
