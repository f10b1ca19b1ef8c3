import { LENGTH, VARINT } from './wire-reader.ts';

const FIRST_CAPACITY = 1024;
const SHORT_TEXT = 48;
/** Values outside the protocol's numbers are written as the largest of 64 bits, which every reader refuses. */
const NOT_A_NUMBER = 0xffff_ffff_ffff_ffffn;

const encoder = /* @__PURE__ */ new TextEncoder();

/** Writes messages of the wire format. Lengths are written after what they count, so nothing is measured twice. */
export class WireWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #at = 0;

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  /** Begins anew in the same memory. */
  reset(): void {
    this.#at = 0;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  /** An integer from 0. */
  varint(value: number): void {
    this.#reserve(10);
    if (!Number.isSafeInteger(value) || value < 0) {
      this.#big(NOT_A_NUMBER);
      return;
    }
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** An integer that may be negative. */
  sint(no: number, value: number): void {
    this.varint(no * 8 + VARINT);
    if (Math.abs(value) < 2 ** 52) {
      this.varint(value < 0 ? -2 * value - 1 : 2 * value);
      return;
    }
    this.#reserve(10);
    if (!Number.isSafeInteger(value)) this.#big(NOT_A_NUMBER);
    else this.#big(value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value));
  }

  #big(value: bigint): void {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) + 128;
    this.#bytes[this.#at++] = Number(rest);
  }

  uint(no: number, value: number): void {
    this.varint(no * 8 + VARINT);
    this.varint(value);
  }

  bytes(no: number, value: Uint8Array): void {
    this.varint(no * 8 + LENGTH);
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  text(no: number, value: string): void {
    if (value.length <= SHORT_TEXT && this.#ascii(no, value)) return;
    this.message(no, () => {
      this.#reserve(value.length * 3);
      this.#at += encoder.encodeInto(value, this.#bytes.subarray(this.#at)).written;
    });
  }

  /** `false`, and nothing written, when it is not ASCII. */
  #ascii(no: number, value: string): boolean {
    const start = this.#at;
    this.varint(no * 8 + LENGTH);
    this.#reserve(1 + value.length);
    this.#bytes[this.#at++] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) {
        this.#at = start;
        return false;
      }
      this.#bytes[this.#at++] = code;
    }
    return true;
  }

  /** Writes a field with the length of its content before it. */
  message(no: number, write: () => void): void {
    this.varint(no * 8 + LENGTH);
    const lengthAt = this.#at;
    this.#reserve(1);
    this.#at++;
    write();
    const start = lengthAt + 1;
    const length = this.#at - start;
    if (length < 128) {
      this.#bytes[lengthAt] = length;
      return;
    }
    const more = Math.ceil((32 - Math.clz32(length)) / 7) - 1;
    this.#reserve(more + 10);
    this.#bytes.copyWithin(start + more, start, this.#at);
    this.#at = lengthAt;
    this.varint(length);
    this.#at += length;
  }
}
