/**
 * A WebSocket client that costs next to nothing: a plain TCP socket, frames found by their length, no objects per
 * message. The load generator shares the machine with what it measures, so it must be the cheaper of the two.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawSocketOptions {
  readonly port: number;
  /** `undefined`: no handshake, frames from the first byte on (the floor program). */
  readonly path: string | undefined;
  readonly protocol?: string;
  /** A whole text message lies in `data` from `start` to `end`. The buffer is only valid during the call. */
  readonly onText: (data: Buffer, start: number, end: number) => void;
  readonly onClose: (reason: string) => void;
}

const MASK = Buffer.alloc(4); // A zero mask leaves the bytes as they are; the server's work is the same.

/** A client's text frame with a zero mask. */
export function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const header =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([header, MASK, body]);
}

export class RawSocket {
  readonly #socket: Socket;
  readonly #options: RawSocketOptions;
  #rest: Buffer | undefined;
  #upgraded: boolean;
  #opened: (() => void) | undefined;

  constructor(options: RawSocketOptions) {
    this.#options = options;
    this.#upgraded = options.path === undefined;
    this.#socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#socket.on('connect', () => (this.#upgraded ? resolve() : this.#sendUpgrade()));
      this.#socket.on('data', (chunk) => this.#onData(chunk));
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

  close(): void {
    this.#socket.destroy();
  }

  /** Cuts the connection: a reset, no close frame, nothing that waits is sent. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #sendUpgrade(): void {
    const { path, port, protocol } = this.#options;
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
    ];
    if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  #onData(chunk: Buffer): void {
    let data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    if (!this.#upgraded) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = data;
        return;
      }
      const status = data.toString('latin1', 9, 12);
      if (status !== '101') {
        this.#socket.destroy(
          new Error(`upgrade refused: ${data.toString('latin1', 0, Math.min(data.length, 400))}`),
        );
        return;
      }
      this.#upgraded = true;
      data = data.subarray(end + 4);
      this.#opened?.();
    }
    const used = this.#readFrames(data);
    if (used < data.length) this.#rest = data.subarray(used);
  }

  /** Hands on every whole frame; returns how many bytes they took. */
  #readFrames(data: Buffer): number {
    let at = 0;
    while (data.length - at >= 2) {
      let length = data[at + 1]! & 127;
      let start = at + 2;
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (data.length - at < 10) break;
        length = data.readUInt32BE(at + 6);
        start = at + 10;
      }
      if (data.length < start + length) break;
      this.#onFrame(data, data[at]! & 15, start, start + length);
      at = start + length;
    }
    return at;
  }

  #onFrame(data: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === 1) this.#options.onText(data, start, end);
    else if (opcode === 9) this.#sendPong(data.subarray(start, end));
    else if (opcode === 8)
      this.#options.onClose(
        `close frame ${end - start >= 2 ? data.readUInt16BE(start) : ''} ${data.toString('utf8', start + 2, end)}`,
      );
  }

  #sendPong(body: Buffer): void {
    this.#socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | body.length]), MASK, body]));
  }
}
