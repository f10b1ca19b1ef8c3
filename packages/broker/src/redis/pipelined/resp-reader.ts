/** An error that Redis answered: what was asked for was not done, or not all of it. */
export class RedisReplyError extends Error {
  override readonly name = 'RedisReplyError';
}

/** A reply of Redis. Maps of RESP3 are arrays of pairs, sets are arrays, booleans are 1 and 0. */
export type Reply = string | number | null | RedisReplyError | readonly Reply[];

/** Thrown when the bytes are no RESP: the connection is of no use any more. */
export class ProtocolBreak extends Error {
  override readonly name = 'ProtocolBreak';
}

const INCOMPLETE = Symbol('incomplete');
/** An array or map has begun; its elements come next. */
const OPENED = Symbol('opened');
type Parsed = Reply | typeof INCOMPLETE | typeof OPENED;

const CR = 13;
const MINUS = 45;
const LENGTH_OF_CRLF = 2;
/** Of arrays in arrays; what the scripts and XREAD answer has four. */
const MAX_DEPTH = 16;

/** An array whose elements have not all come. */
interface Open {
  readonly items: Reply[];
  left: number;
  /** Each of its elements is a pair. */
  readonly isMap: boolean;
}

/**
 * Reads replies (RESP2 and RESP3, https://redis.io/docs/latest/develop/reference/protocol-spec/) out of the bytes of a connection, as they
 * come, and hands each on at once. No object per element but the arrays and strings of the reply. An element that was read is not looked
 * at again: what waits in a gateway's feed after a pause may be many megabytes in one reply, which comes in hundreds of pieces.
 */
export class RespReader {
  readonly #onReply: (reply: Reply) => void;
  readonly #onPush: (push: Reply) => void;
  /** The value being read is a push: one may come between two replies, never within one. */
  #isPush = false;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** An element that is under way has at least so many bytes: not looked at again before they are there. */
  #wanted = 1;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Arrays that have begun, the innermost last. */
  readonly #open: Open[] = [];

  /** @param onPush told of what nobody asked for: messages of a subscription */
  constructor(onReply: (reply: Reply) => void, onPush: (push: Reply) => void) {
    this.#onReply = onReply;
    this.#onPush = onPush;
  }

  /** @throws ProtocolBreak */
  push(chunk: Buffer): void {
    this.#buffered += chunk.length;
    if (this.#buffered < this.#wanted) {
      this.#chunks.push(chunk);
      return;
    }
    this.#buffer = this.#chunks.length === 0 ? chunk : Buffer.concat([...this.#chunks, chunk]);
    this.#chunks = [];
    this.#readAll();
  }

  #readAll(): void {
    const { length } = this.#buffer;
    let from = 0;
    this.#wanted = 1;
    while (from < length) {
      this.#at = from;
      const element = this.#read();
      if (element === INCOMPLETE) {
        this.#wanted = Math.max(this.#wanted - from, length - from + 1);
        break;
      }
      from = this.#at;
      if (element !== OPENED) this.#complete(element);
    }
    this.#buffered = length - from;
    this.#chunks = from === length ? [] : [this.#buffer.subarray(from)];
  }

  /** An element belongs to the array that is open, and may be its last one. */
  #complete(element: Reply): void {
    let value = element;
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      open.items.push(value);
      if (--open.left > 0) {
        if (open.isMap) this.#begin(2, false);
        return;
      }
      this.#open.pop();
      value = open.items;
    }
    if (this.#isPush) {
      this.#isPush = false;
      this.#onPush(value);
    } else this.#onReply(value);
  }

  #begin(length: number, isMap: boolean): void {
    if (this.#open.length >= MAX_DEPTH)
      throw new ProtocolBreak(`a reply of Redis is nested deeper than ${MAX_DEPTH}`);
    this.#open.push({ items: [], left: length, isMap });
    if (isMap) this.#begin(2, false);
  }

  #read(): Parsed {
    const type = this.#buffer[this.#at++];
    switch (type) {
      case 0x3a: // :
        return this.#number();
      case 0x24: // $
      case 0x3d: // =
        return this.#bulk();
      case 0x2a: // *
      case 0x7e: // ~
        return this.#container(false);
      case 0x3e: // >
        this.#isPush = true;
        return this.#container(false);
      case 0x25: // %
        return this.#container(true);
      case 0x2b: // +
      case 0x2c: // ,
      case 0x28: // (
        return this.#line();
      case 0x2d: // -
        return this.#error();
      case 0x5f: // _
        return this.#null();
      case 0x23: // #
        return this.#boolean();
      default:
        throw new ProtocolBreak(`a reply of Redis begins with byte ${type}`);
    }
  }

  #number(): number | typeof INCOMPLETE {
    const buffer = this.#buffer;
    const isNegative = buffer[this.#at] === MINUS;
    let at = isNegative ? this.#at + 1 : this.#at;
    let value = 0;
    for (; at < buffer.length; at++) {
      const byte = buffer[at]!;
      if (byte !== CR) value = value * 10 + (byte - 48);
      else if (at + 1 < buffer.length) {
        this.#at = at + LENGTH_OF_CRLF;
        return isNegative ? -value : value;
      }
    }
    return INCOMPLETE;
  }

  #bulk(): Parsed {
    const length = this.#number();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length < 0) return null;
    const end = this.#at + length;
    if (end + LENGTH_OF_CRLF > this.#buffer.length) {
      this.#wanted = end + LENGTH_OF_CRLF;
      return INCOMPLETE;
    }
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end + LENGTH_OF_CRLF;
    return text;
  }

  #container(isMap: boolean): Parsed {
    const length = this.#number();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length < 0) return null;
    if (length === 0) return [];
    this.#begin(length, isMap);
    return OPENED;
  }

  #line(): string | typeof INCOMPLETE {
    const end = this.#buffer.indexOf(CR, this.#at);
    if (end < 0 || end + LENGTH_OF_CRLF > this.#buffer.length) return INCOMPLETE;
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end + LENGTH_OF_CRLF;
    return text;
  }

  #error(): RedisReplyError | typeof INCOMPLETE {
    const text = this.#line();
    return text === INCOMPLETE ? INCOMPLETE : new RedisReplyError(text);
  }

  #null(): null | typeof INCOMPLETE {
    return this.#line() === INCOMPLETE ? INCOMPLETE : null;
  }

  #boolean(): number | typeof INCOMPLETE {
    const text = this.#line();
    return text === INCOMPLETE ? INCOMPLETE : text === 't' ? 1 : 0;
  }
}
