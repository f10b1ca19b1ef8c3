/** Cutting Postgres' wire protocol into messages: a type byte and a length, but for the first message of a connection. */

const QUERY = 0x51; // Q
const SYNC = 0x53; // S
const TERMINATE = 0x58; // X
const NOTIFICATION = 0x41; // A
const HEADER_BYTES = 5;

/** Collects what a client writes into units that must reach the server without another client's messages in between. */
export class RequestCutter {
  #waiting: Buffer = Buffer.alloc(0);
  #started = false;

  /** Complete units; the rest is kept. `terminate`: the client says goodbye. */
  add(bytes: Buffer): { readonly units: readonly Buffer[]; readonly terminate: boolean } {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    const units: Buffer[] = [];
    let begin = 0;
    let at = 0;
    for (;;) {
      const length = this.#lengthAt(at);
      if (length === undefined) break;
      const type = this.#waiting[at];
      if (this.#started && type === TERMINATE) return { units, terminate: true };
      at += length;
      if (!this.#started || type === QUERY || type === SYNC) {
        units.push(this.#waiting.subarray(begin, at));
        begin = at;
      }
      this.#started = true;
    }
    this.#waiting = this.#waiting.subarray(begin);
    return { units, terminate: false };
  }

  #lengthAt(at: number): number | undefined {
    const left = this.#waiting.length - at;
    if (left < HEADER_BYTES) return undefined;
    const length = this.#started ? 1 + this.#waiting.readInt32BE(at + 1) : this.#waiting.readInt32BE(at);
    return left < length ? undefined : length;
  }
}

/** Single messages of a unit. A unit whose first message is the start-up packet holds only that. */
export function messagesOf(unit: Buffer): readonly Buffer[] {
  if (unit[0] === 0) return [unit];
  const messages: Buffer[] = [];
  for (let at = 0; at < unit.length; ) {
    const end = at + 1 + unit.readInt32BE(at + 1);
    messages.push(unit.subarray(at, end));
    at = end;
  }
  return messages;
}

/** The notifications in an answer, which are for every client that listens. */
export function notificationsIn(answer: Buffer): readonly Buffer[] {
  if (!answer.includes(NOTIFICATION)) return [];
  return messagesOf(answer).filter((message) => message[0] === NOTIFICATION);
}
