/**
 * A WebSocket client that costs next to nothing: a plain TCP socket, frames found by their length, no objects per
 * message. The load generator shares the machine with what it measures, so it must be the cheaper of the two.
 */
import { connect, type Socket } from 'node:net';
import { constants, inflateRawSync } from 'node:zlib';

export interface RawSocketOptions {
  readonly port: number;
  /** `undefined`: no handshake, frames from the first byte on (the floor program). */
  readonly path: string | undefined;
  readonly protocol?: string;
  readonly extensions?: string;
  /** Binary and compressed messages, too: `onText` gets what they hold. */
  readonly anyFrame?: true | undefined;
  /** A whole text message lies in `data` from `start` to `end`. The buffer is only valid during the call. */
  readonly onText: (data: Buffer, start: number, end: number) => void;
  readonly onClose: (reason: string) => void;
}

const TEXT_FRAME = 0x81;
const BINARY_FRAME = 0x82;
/** RSV1: the content is compressed. */
const COMPRESSED = 0x40;
/** The four bytes that permessage-deflate removes from the end of each message (RFC 7692, 7.2.1). */
const DEFLATE_TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const MASK = Buffer.alloc(4); // A zero mask leaves the bytes as they are; the server's work is the same.
/** Any 16 bytes; the server's answer isn't checked. */
const KEY = Buffer.from('carillon-bench-1').toString('base64');
const HEAD_END = Buffer.from('\r\n\r\n');
/**
 * All sockets of the process read into this one buffer: what is read is used up, or its rest copied, before the next socket reads.
 * Streams instead (a fresh buffer, events) cost more than all that the load does with what came.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/** A client's text frame with a zero mask. */
export function textFrame(text: string): Buffer {
  return frameOf(TEXT_FRAME, Buffer.from(text));
}

/** A client's binary frame with a zero mask. */
export function binaryFrame(content: Uint8Array): Buffer {
  return frameOf(BINARY_FRAME, Buffer.from(content));
}

function frameOf(kind: number, body: Buffer): Buffer {
  const header =
    body.length < 126
      ? Buffer.from([kind, 0x80 | body.length])
      : body.length < 65_536
        ? Buffer.from([kind, 0x80 | 126, body.length >> 8, body.length & 255])
        : longHeader(kind, body.length);
  return Buffer.concat([header, MASK, body]);
}

function longHeader(kind: number, length: number): Buffer {
  const header = Buffer.alloc(10);
  header[0] = kind;
  header[1] = 0x80 | 127;
  header.writeUInt32BE(length, 6);
  return header;
}

export function upgradeRequest(options: {
  readonly path: string | undefined;
  readonly port: number;
  readonly protocol?: string | undefined;
  readonly extensions?: string | undefined;
}): Buffer {
  const { path = '/', port, protocol, extensions } = options;
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
  ];
  if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  if (extensions !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** All subscribers of a channel get the same compressed bytes: inflated for each of them, the load would cost more than what it measures. */
const inflatedContents = new Map<string, Buffer>();
/** A socket that is behind is read by the hundreds of messages. */
const MAX_INFLATED = 8192;

function inflated(data: Buffer, start: number, end: number): Buffer {
  const key = data.toString('latin1', start, end);
  const known = inflatedContents.get(key);
  if (known !== undefined) return known;
  const compressed = Buffer.concat([data.subarray(start, end), DEFLATE_TAIL]);
  const content = inflateRawSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH });
  const [oldest] = inflatedContents.keys();
  if (inflatedContents.size >= MAX_INFLATED) inflatedContents.delete(oldest!);
  inflatedContents.set(key, content);
  return content;
}

export class RawSocket {
  readonly #socket: Socket;
  readonly #options: RawSocketOptions;
  readonly #onText: RawSocketOptions['onText'];
  /** Since the beginning, the upgrade included. */
  receivedBytes = 0;
  #rest: Buffer | undefined;
  #upgraded: boolean;
  #opened: (() => void) | undefined;

  constructor(options: RawSocketOptions) {
    this.#options = options;
    this.#onText = options.onText;
    this.#upgraded = options.path === undefined;
    this.#socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length, buffer) => {
          this.#onData(buffer as Buffer, length);
          return true;
        },
      },
    });
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#socket.on('connect', () => (this.#upgraded ? resolve() : this.#sendUpgrade()));
      this.#socket.on('error', (error) => reject(error));
      this.#socket.on('close', () => {
        reject(new Error('closed before it was open'));
        this.#options.onClose('closed');
      });
    });
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Cuts the connection: a reset, no close frame, nothing that waits is sent. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #sendUpgrade(): void {
    this.#socket.write(upgradeRequest(this.#options));
  }

  #onData(chunk: Buffer, length: number): void {
    this.receivedBytes += length;
    const rest = this.#rest;
    if (rest === undefined && this.#upgraded) {
      this.#keep(chunk, this.#readFrames(chunk, 0, length), length);
      return;
    }
    const data = rest === undefined ? chunk : Buffer.concat([rest, chunk.subarray(0, length)]);
    const end = rest === undefined ? length : data.length;
    this.#rest = undefined;
    const at = this.#upgraded ? 0 : this.#readUpgrade(data, end);
    if (at < 0) this.#keep(data, 0, end);
    else this.#keep(data, this.#readFrames(data, at, end), end);
  }

  /** Keeps the incomplete frame at the end. Copied: the buffer is reused by the next read. */
  #keep(data: Buffer, from: number, end: number): void {
    if (from < end) this.#rest = Buffer.from(data.subarray(from, end));
  }

  /** Returns where the frames begin, -1 when the answer isn't complete or refuses. */
  #readUpgrade(data: Buffer, length: number): number {
    const end = data.indexOf(HEAD_END);
    if (end < 0 || end >= length) return -1;
    if (data.toString('latin1', 9, 12) !== '101') {
      const answer = data.toString('latin1', 0, Math.min(length, 400));
      this.#socket.destroy(new Error(`upgrade refused: ${answer}`));
      return -1;
    }
    this.#upgraded = true;
    this.#opened?.();
    return end + HEAD_END.length;
  }

  /** Hands on every whole frame; returns where the first one that isn't whole begins. */
  #readFrames(data: Buffer, from: number, to: number): number {
    let at = from;
    while (to - at >= 2) {
      let length = data[at + 1]! & 127;
      let start = at + 2;
      if (length === 126) {
        if (to - at < 4) break;
        length = (data[at + 2]! << 8) | data[at + 3]!;
        start = at + 4;
      } else if (length === 127) {
        if (to - at < 10) break;
        length = data.readUInt32BE(at + 6);
        start = at + 10;
      }
      const end = start + length;
      if (to < end) break;
      if (data[at] === TEXT_FRAME) this.#onText(data, start, end);
      else if (this.#options.anyFrame && this.#isMessage(data[at]!)) this.#onMessage(data, at, start, end);
      else this.#onFrame(data, data[at]! & 15, start, end);
      at = end;
    }
    return at;
  }

  #isMessage(firstByte: number): boolean {
    return (firstByte & ~COMPRESSED) === BINARY_FRAME || (firstByte & ~COMPRESSED) === TEXT_FRAME;
  }

  #onMessage(data: Buffer, at: number, start: number, end: number): void {
    if ((data[at]! & COMPRESSED) === 0) {
      this.#onText(data, start, end);
      return;
    }
    const content = inflated(data, start, end);
    this.#onText(content, 0, content.length);
  }

  #onFrame(data: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === 9) this.#sendPong(data.subarray(start, end));
    else if (opcode === 8)
      this.#options.onClose(
        `close frame ${end - start >= 2 ? data.readUInt16BE(start) : ''} ${data.toString('utf8', start + 2, end)}`,
      );
  }

  #sendPong(body: Buffer): void {
    this.#socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | body.length]), MASK, body]));
  }
}
