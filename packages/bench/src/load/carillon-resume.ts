import { DIALECTS } from './dialects.ts';
import { textFrame } from './raw-socket.ts';
import { numberEnd, type ResumeHost, type ResumeSession, readNumber } from './resume-session.ts';

const MESSAGE = '{"type":"message","version":1,"channel":"';
/** Where the types of frames differ: `m` is a message and nothing else. */
const TYPE_AT = '{"type":"'.length;
const LETTER_M = 109;
const QUOTE = 34;
const EPOCH = '","epoch":"';
const SEQ = '","seq":';
const T_MARK = Buffer.from('{"t":');

interface Place {
  epoch: string;
  seq: number;
  /** The resume is complete at this seq; -1: no resume is pending. */
  target: number;
}

interface SubscribeResult {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly recovered?: boolean;
  readonly missed?: number;
  readonly reason?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Presents for each channel the position of the last message that it has. */
export class CarillonResume implements ResumeSession {
  readonly path = DIALECTS.carillon.path!;
  readonly protocol = DIALECTS.carillon.protocol;
  readonly #host: ResumeHost;
  readonly #hello: Buffer;
  readonly #channels: readonly string[];
  readonly #places = new Map<string, Place>();
  #behind = 0;

  constructor(host: ResumeHost, token: string, channels: readonly string[]) {
    this.#host = host;
    this.#hello = DIALECTS.carillon.hello(token)[0]!.send!;
    this.#channels = channels;
  }

  opened(): void {
    this.#behind = 0;
    for (const place of this.#places.values()) place.target = -1;
    // In one go: frames are served in order, so that what is asked for need not wait until the token is verified.
    this.#host.send(Buffer.concat([this.#hello, this.#subscribe()]));
  }

  text(data: Buffer, start: number, end: number): void {
    if (data[start + TYPE_AT] === LETTER_M) this.#onMessage(data, start);
    else this.#onFrame(data.toString('utf8', start, end));
  }

  #onMessage(data: Buffer, start: number): void {
    const nameAt = start + MESSAGE.length;
    const nameEnd = data.indexOf(QUOTE, nameAt);
    const channel = data.toString('latin1', nameAt, nameEnd);
    const epochAt = nameEnd + EPOCH.length;
    const epochEnd = data.indexOf(QUOTE, epochAt);
    const seq = readNumber(data, epochEnd + SEQ.length);
    const place = this.#places.get(channel);
    if (place === undefined) {
      this.#host.onProblem(`a message of ${channel}, without a subscription`);
      return;
    }
    place.epoch = data.toString('latin1', epochAt, epochEnd);
    place.seq = seq;
    this.#host.onMessage(channel, data, data.indexOf(T_MARK, numberEnd) + T_MARK.length);
    if (place.target >= 0 && seq >= place.target) {
      place.target = -1;
      if (--this.#behind === 0) this.#host.onReady();
    }
  }

  #onFrame(text: string): void {
    const frame = JSON.parse(text) as {
      readonly type: string;
      readonly results?: readonly SubscribeResult[];
    };
    if (frame.type === 'connected') this.#host.onAuthenticated();
    else if (frame.type === 'subscribed') this.#onSubscribed(frame.results!);
    else this.#host.onProblem(text.slice(0, 300));
  }

  #subscribe(): Buffer {
    const channels = this.#channels.map((channel) => {
      const place = this.#places.get(channel);
      return place === undefined
        ? { channel }
        : { channel, position: { epoch: place.epoch, seq: place.seq } };
    });
    return textFrame(JSON.stringify({ type: 'subscribe', id: 2, channels }));
  }

  #onSubscribed(results: readonly SubscribeResult[]): void {
    const failed = results.find(({ error }) => error !== undefined);
    if (failed !== undefined) {
      this.#host.onProblem(`${failed.channel}: ${failed.error!.code}`);
      return;
    }
    for (const result of results) this.#begin(result);
    if (this.#behind === 0) this.#host.onReady();
  }

  #begin({ channel, epoch, seq, recovered, missed = 0, reason = '' }: SubscribeResult): void {
    const target = recovered === true && missed > 0 ? seq + missed : -1;
    this.#places.set(channel, { epoch, seq, target });
    if (target >= 0) this.#behind++;
    if (recovered === true) this.#host.onRecovered(1);
    else if (recovered === false) this.#host.onNotRecovered(1, reason);
  }
}
