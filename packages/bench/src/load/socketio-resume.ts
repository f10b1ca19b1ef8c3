import { DIALECTS } from './dialects.ts';
import { textFrame } from './raw-socket.ts';
import { numberEnd, type ResumeHost, type ResumeSession, readNumber } from './resume-session.ts';

const T_MARK = Buffer.from('{"t":');
const PING = 50;
const PONG = textFrame('3');
const QUOTE = 34;
/** Length of the text between the end of `n` and the channel: `,"c":"`. */
const CHANNEL_GAP = 6;
const N_GAP = 5;

/**
 * Connection state recovery: the client presents its session and the offset of the last packet, the server sends what was missed and
 * joins the rooms again. Where the server can't, the client joins its rooms itself.
 */
export class SocketIoResume implements ResumeSession {
  readonly path = DIALECTS.socketio.path!;
  readonly protocol = undefined;
  readonly #host: ResumeHost;
  readonly #channels: readonly string[];
  #pid: string | undefined;
  #offset: string | undefined;
  #joining = 0;

  constructor(host: ResumeHost, _token: string, channels: readonly string[]) {
    this.#host = host;
    this.#channels = channels;
  }

  opened(): void {
    // The server speaks first.
  }

  text(data: Buffer, start: number, end: number): void {
    const mark = end - start > 2 ? data.indexOf(T_MARK, start) : -1;
    if (mark >= 0 && mark < end) this.#onMessage(data, mark + T_MARK.length, end);
    else if (end - start === 1 && data[start] === PING) this.#host.send(PONG);
    else this.#onPacket(data.toString('utf8', start, end));
  }

  /** `42["message",{"t":1,"n":1,"c":"<channel>","pad":"..."},"<offset>"]` */
  #onMessage(data: Buffer, at: number, end: number): void {
    readNumber(data, at);
    readNumber(data, numberEnd + N_GAP);
    const nameAt = numberEnd + CHANNEL_GAP;
    const channel = data.toString('latin1', nameAt, data.indexOf(QUOTE, nameAt));
    const offsetEnd = end - 2;
    if (data[offsetEnd] === QUOTE)
      this.#offset = data.toString('latin1', data.lastIndexOf(QUOTE, offsetEnd - 1) + 1, offsetEnd);
    this.#host.onMessage(channel, data, at);
  }

  #onPacket(text: string): void {
    if (text.startsWith('0{')) this.#host.send(this.#connect());
    else if (text.startsWith('40')) this.#onConnected(JSON.parse(text.slice(2)) as { readonly pid?: string });
    else if (text.startsWith('43')) {
      if (--this.#joining === 0) this.#host.onReady();
    } else this.#host.onProblem(text.slice(0, 300));
  }

  #connect(): Buffer {
    if (this.#pid === undefined) return textFrame('40');
    return textFrame(`40${JSON.stringify({ pid: this.#pid, offset: this.#offset })}`);
  }

  #onConnected({ pid }: { readonly pid?: string }): void {
    const recovered = pid !== undefined && pid === this.#pid;
    if (recovered) this.#host.onRecovered(this.#channels.length);
    else if (this.#pid !== undefined)
      this.#host.onNotRecovered(this.#channels.length, this.#offset === undefined ? 'no-offset' : 'refused');
    this.#pid = pid;
    this.#host.onAuthenticated();
    // Packets come in order: what was missed has come before the answer to a join, even when nothing is left to be joined.
    const rooms = recovered ? this.#channels.slice(0, 1) : this.#channels;
    this.#joining = rooms.length;
    for (const [id, room] of rooms.entries())
      this.#host.send(textFrame(`42${id}["join",${JSON.stringify(room)}]`));
  }
}
