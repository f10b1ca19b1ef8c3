/** One load connection: says hello, subscribes, counts what comes. */
import { DIALECTS, type Dialect, type DialectName, openingSteps, type Step } from './dialects.ts';
import type { Counts } from './plan.ts';
import { RawSocket } from './raw-socket.ts';
import { T_DIGITS } from './tally.ts';

const T_MARK = Buffer.from('{"t":');
const N_GAP = ',"n":'.length;
const [ZERO, COLON, LETTER_T, BRACE] = [48, 58, 116, 123];

export interface LoadClientOptions {
  readonly port: number;
  readonly dialect: DialectName;
  readonly token: string;
  readonly counts: Counts;
  /** Called with the sending time in microseconds of the monotonic clock; absent: this connection isn't timed. */
  readonly onTimed?: (sentUs: number) => void;
  readonly onAccepted?: () => void;
  readonly onProblem: (problem: string) => void;
}

export class LoadClient {
  readonly dialect: Dialect;
  readonly #options: LoadClientOptions;
  readonly #socket: RawSocket;
  readonly #acceptedMark: Buffer;
  /** Highest `n` seen. A load connection subscribes to one channel, and a channel has one publisher that counts from 1 on. */
  #lastN = 0;
  /** Where the digits of `t` began in the last message, from its start on. Before the first: somewhere inside. */
  #tAt = T_MARK.length + 1;
  readonly #onTimed: ((sentUs: number) => void) | undefined;
  /** Steps whose answer has not come. */
  #steps: readonly Step[] = [];
  #onWalked: (() => void) | undefined;
  #closing = false;

  constructor(options: LoadClientOptions) {
    this.#options = options;
    this.#onTimed = options.onTimed;
    this.dialect = DIALECTS[options.dialect];
    this.#acceptedMark = Buffer.from(this.dialect.acceptedMark);
    this.#socket = new RawSocket({
      port: options.port,
      path: this.dialect.path,
      ...(this.dialect.protocol === undefined ? {} : { protocol: this.dialect.protocol }),
      ...(this.dialect.extensions === undefined ? {} : { extensions: this.dialect.extensions }),
      anyFrame: this.dialect.anyFrame,
      onText: this.dialect.anyFrame
        ? (data, start, end) => this.#onAnyFrame(data, start, end)
        : (data, start, end) => this.#onText(data, start, end),
      onClose: (reason) => {
        if (!this.#closing) options.onProblem(`connection ended: ${reason}`);
      },
    });
  }

  get receivedBytes(): number {
    return this.#socket.receivedBytes;
  }

  get lastN(): number {
    return this.#lastN;
  }

  /** Connects, and subscribes where a channel is given: ahead of the answer if the server takes that. */
  async open(channel?: string): Promise<void> {
    const { dialect } = this;
    const { token } = this.#options;
    const steps = channel === undefined ? dialect.hello(token) : openingSteps(dialect, token, channel);
    // A server may speak first, and its greeting may come in the same chunk as the upgrade: wait for it from the start.
    const greeted = steps[0]?.send === undefined ? this.#walk(steps) : undefined;
    await this.#socket.open();
    await (greeted ?? this.#walk(steps));
  }

  publish(frame: Buffer): void {
    this.#socket.send(frame);
  }

  close(): void {
    this.#closing = true;
    this.#socket.reset();
  }

  #walk(steps: readonly Step[]): Promise<void> {
    this.#steps = steps.filter(({ until }) => until !== '');
    if (this.#steps.length === 0) return Promise.resolve();
    this.#say();
    return new Promise((resolve) => {
      this.#onWalked = resolve;
    });
  }

  #say(): void {
    const send = this.#steps[0]?.send;
    if (send !== undefined) this.#socket.send(send);
  }

  #onText(data: Buffer, start: number, end: number): void {
    // Messages of one channel look alike: where the mark was in the last one, it is in this one, until a number gets longer.
    const at = start + this.#tAt;
    if (data[at - 1] === COLON && data[at - 3] === LETTER_T && data[at - 5] === BRACE && at < end)
      this.#onMessage(data, at);
    else this.#onUnknown(data, start, end);
  }

  /** Payloads are looked for by how they begin, whatever stands around them. */
  #onAnyFrame(data: Buffer, start: number, end: number): void {
    if (this.#steps.length > 0 && this.#answers(data, start, end)) return;
    const whole = data.subarray(start, end);
    let at = whole.indexOf(T_MARK);
    if (at < 0) this.#onOther(data, start, end);
    for (; at >= 0; at = whole.indexOf(T_MARK, at + T_MARK.length))
      this.#onMessage(whole, at + T_MARK.length);
  }

  #onUnknown(data: Buffer, start: number, end: number): void {
    if (this.#steps.length > 0 && this.#answers(data, start, end)) return;
    const { heartbeat } = this.dialect;
    if (heartbeat !== undefined && end - start === 1 && data[start] === heartbeat.ask.charCodeAt(0)) {
      this.#socket.send(heartbeat.answer);
      return;
    }
    if (this.#isAccepted(data, start)) {
      this.#options.counts.accepted++;
      this.#options.onAccepted?.();
      return;
    }
    const mark = data.indexOf(T_MARK, start);
    if (mark < 0 || mark >= end) {
      this.#onOther(data, start, end);
      return;
    }
    this.#tAt = mark + T_MARK.length - start;
    this.#onMessage(data, mark + T_MARK.length);
  }

  #isAccepted(data: Buffer, start: number): boolean {
    const mark = this.#acceptedMark;
    for (let i = 0; i < mark.length; i++) if (data[start + i] !== mark[i]) return false;
    return mark.length > 0;
  }

  #answers(data: Buffer, start: number, end: number): boolean {
    const text = data.toString('latin1', start, end);
    if (!text.includes(this.#steps[0]!.until)) {
      if (text.includes('"type":"error"') || text.includes('"error":')) this.#options.onProblem(text);
      return false;
    }
    this.#steps = this.#steps.slice(1);
    if (this.#steps.length === 0) this.#onWalked?.();
    else this.#say();
    return true;
  }

  #onOther(data: Buffer, start: number, end: number): void {
    this.#options.counts.errors++;
    this.#options.onProblem(data.toString('utf8', start, Math.min(end, start + 300)));
  }

  /** `at` is where the digits of `t` begin; the payload is `{"t":<us>,"n":<n>,...`. */
  #onMessage(data: Buffer, at: number): void {
    this.#options.counts.messages++;
    const nAt = at + T_DIGITS + N_GAP;
    let n = 0;
    for (let i = nAt, digit = data[i]! - ZERO; digit >= 0 && digit <= 9; digit = data[++i]! - ZERO)
      n = n * 10 + digit;
    if (n === this.#lastN + 1) this.#lastN = n;
    else this.#checkOrder(n);
    if (this.#onTimed !== undefined) this.#onTimed(readT(data, at));
  }

  #checkOrder(n: number): void {
    const { counts } = this.#options;
    const last = this.#lastN;
    if (n > last) {
      counts.lost += n - last - 1;
      this.#lastN = n;
    } else if (n === last) counts.duplicated++;
    else counts.reordered++;
  }
}

function readT(data: Buffer, at: number): number {
  let sentUs = 0;
  for (let i = at; i < at + T_DIGITS; i++) sentUs = sentUs * 10 + data[i]! - ZERO;
  return sentUs;
}
