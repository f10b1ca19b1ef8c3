/** How a client of each kind of server comes back: what it says, and how it knows that it has everything it missed. */

export interface ResumeHost {
  send(frame: Buffer): void;
  /** The digits of the message's `t` begin at `at`. */
  onMessage(channel: string, data: Buffer, at: number): void;
  onAuthenticated(): void;
  /** Subscribed to all channels, and what was missed until then has come. */
  onReady(): void;
  /** The server gave back so many subscriptions, or said that it can't. */
  onRecovered(subscriptions: number): void;
  onNotRecovered(subscriptions: number, reason: string): void;
  /** The connection is of no use; another attempt is to be made. */
  onProblem(problem: string): void;
}

/** Lives as long as the client, over many connections. */
export interface ResumeSession {
  readonly path: string;
  readonly protocol: string | undefined;
  /** The socket of a new connection is open. */
  opened(): void;
  /** A text message lies in `data` from `start` to `end`. */
  text(data: Buffer, start: number, end: number): void;
}

const ZERO = 48;
const NINE = 57;

/** Reads digits; where they end is `numberEnd`. */
export function readNumber(data: Buffer, at: number): number {
  let value = 0;
  while (data[at]! >= ZERO && data[at]! <= NINE) value = value * 10 + data[at++]! - ZERO;
  numberEnd = at;
  return value;
}

/** A result beside the return value: an object per message would cost more than the reading. */
export let numberEnd = 0;
