import { WireError } from './wire-error.ts';

/** Wire types of protobuf that are in use here. */
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH = 2;
const FIXED32 = 5;

/** Up to this length a loop over ASCII is faster than a decoder. */
const SHORT_TEXT = 48;

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one message of the wire format, front to back. Whatever the bytes, it ends, and throws nothing but WireError. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new WireError('The message ends within a field');
    return this.#bytes[this.#at++]!;
  }

  /** An unsigned number. Above 2^53 it is not exact: no frame has such a number, and validation refuses it. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return Number(this.#bigRest(value));
  }

  /** A number that may be negative. */
  zigzag(): number {
    const start = this.#at;
    const value = this.varint();
    if (value <= 2 ** 52) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    this.#at = start;
    const exact = this.#bigRest(0, 0);
    return Number((exact & 1n) === 0n ? exact >> 1n : -((exact + 1n) >> 1n));
  }

  /** The bytes of a varint from the one at `shift` bits on. */
  #bigRest(low: number, shift = 49): bigint {
    let value = BigInt(low);
    for (let bits = shift; bits < 70; bits += 7) {
      const byte = this.#byte();
      if (bits === 63 && byte > 1) break;
      value += BigInt(byte & 127) << BigInt(bits);
      if (byte < 128) return value;
    }
    throw new WireError('A number has more than 64 bits');
  }

  /** Number of the field and its wire type. */
  tag(): { readonly no: number; readonly wire: number } {
    const key = this.varint();
    const no = Math.floor(key / 8);
    if (no < 1 || no >= 2 ** 29) throw new WireError(`There is no field ${no}`);
    return { no, wire: key % 8 };
  }

  /** Moves behind the field's bytes; returns where they begin. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start)
      throw new WireError(`A field of ${length} bytes begins where ${this.#end - start} are left`);
    this.#at = start + length;
    return start;
  }

  /** Not a copy. */
  bytes(): Uint8Array {
    const start = this.#take(this.varint());
    return this.#bytes.subarray(start, this.#at);
  }

  text(): string {
    const start = this.#take(this.varint());
    const end = this.#at;
    if (end - start <= SHORT_TEXT) {
      let text = '';
      let i = start;
      for (; i < end; i++) {
        const byte = this.#bytes[i]!;
        if (byte > 127) break;
        text += String.fromCharCode(byte);
      }
      if (i === end) return text;
    }
    try {
      return decoder.decode(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw new WireError('A text is not UTF-8', { cause });
    }
  }

  message(): WireReader {
    const start = this.#take(this.varint());
    return new WireReader(this.#bytes, start, this.#at);
  }

  /** Passes over a field that isn't known. */
  skip(wire: number): void {
    if (wire === VARINT) this.#bigRest(0, 0);
    else if (wire === FIXED64) this.#take(8);
    else if (wire === LENGTH) this.#take(this.varint());
    else if (wire === FIXED32) this.#take(4);
    else throw new WireError(`There is no wire type ${wire} here`);
  }
}
