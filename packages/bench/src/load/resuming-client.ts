/** A client that comes back whenever its connection ends, with backoff, and picks up where it was. */
import { Arrivals } from './arrivals.ts';
import { Backoff } from './backoff.ts';
import { CarillonResume } from './carillon-resume.ts';
import type { ResumeCounts } from './plan.ts';
import { RawSocket } from './raw-socket.ts';
import { numberEnd, type ResumeHost, type ResumeSession, readNumber } from './resume-session.ts';
import { SocketIoResume } from './socketio-resume.ts';
import { nowUs } from './tally.ts';

/** From the first byte until it is authenticated; as in the SDK. */
const CONNECT_TIMEOUT_MS = 10_000;
const N_GAP = 5; // ,"n":

export interface ResumingClientOptions {
  readonly dialect: 'carillon' | 'socketio';
  readonly token: string;
  /** Each attempt goes to the next one, as behind a load balancer. */
  readonly ports: readonly number[];
  readonly firstPort: number;
  readonly channels: readonly string[];
  readonly counts: ResumeCounts;
  readonly onTimed: (sentUs: number) => void;
  /** Microseconds from the drop until it had everything it missed; 0 for the first connection. */
  readonly onReady: (sinceDropUs: number) => void;
  readonly onProblem: (problem: string) => void;
}

export class ResumingClient implements ResumeHost {
  readonly arrivals = new Map<string, Arrivals>();
  readonly #options: ResumingClientOptions;
  readonly #session: ResumeSession;
  readonly #backoff = new Backoff();
  #socket: RawSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: number;
  #droppedAtUs: number | undefined;
  #isReady = false;

  constructor(options: ResumingClientOptions) {
    const { dialect, token, channels } = options;
    this.#options = options;
    this.#turn = options.firstPort;
    this.#session =
      dialect === 'carillon'
        ? new CarillonResume(this, token, channels)
        : new SocketIoResume(this, token, channels);
    for (const channel of channels) this.arrivals.set(channel, new Arrivals(options.counts));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  connect(): void {
    const { ports, counts } = this.#options;
    const { path, protocol } = this.#session;
    counts.attempts++;
    const socket = new RawSocket({
      port: ports[this.#turn++ % ports.length]!,
      path,
      ...(protocol === undefined ? {} : { protocol }),
      // Data of an abandoned connection is ignored.
      onText: (data, start, end) => this.#socket === socket && this.#session.text(data, start, end),
      onClose: (reason) => this.#socket === socket && this.onProblem(`connection ended: ${reason}`),
    });
    this.#socket = socket;
    this.#timer = setTimeout(() => this.onProblem('not connected in time'), CONNECT_TIMEOUT_MS);
    socket.open().then(
      () => this.#socket === socket && this.#session.opened(),
      (error: Error) => this.#socket === socket && this.onProblem(`not connected: ${error.message}`),
    );
  }

  /** Ends the connection without a word; `atUs` is when that was decided. Nothing happens while there is none. */
  drop(atUs: number): void {
    if (this.#socket === undefined) return;
    this.#options.counts.drops++;
    this.#lose(atUs);
  }

  /** For good. */
  close(): void {
    clearTimeout(this.#timer);
    this.#socket?.reset();
    this.#socket = undefined;
  }

  send(frame: Buffer): void {
    this.#socket?.send(frame);
  }

  onAuthenticated(): void {
    clearTimeout(this.#timer);
    this.#backoff.onConnected(performance.now());
  }

  onMessage(channel: string, data: Buffer, at: number): void {
    const sentUs = readNumber(data, at);
    this.#options.counts.messages++;
    this.arrivals.get(channel)?.take(readNumber(data, numberEnd + N_GAP));
    this.#options.onTimed(sentUs);
  }

  onReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    const sinceDropUs = this.#droppedAtUs === undefined ? 0 : nowUs() - this.#droppedAtUs;
    this.#droppedAtUs = undefined;
    this.#options.onReady(sinceDropUs);
  }

  onRecovered(subscriptions: number): void {
    this.#options.counts.recovered += subscriptions;
  }

  onNotRecovered(subscriptions: number, reason: string): void {
    const { notRecovered } = this.#options.counts;
    notRecovered[reason] = (notRecovered[reason] ?? 0) + subscriptions;
  }

  onProblem(problem: string): void {
    if (this.#socket === undefined) return;
    this.#options.onProblem(problem);
    this.#options.counts.failedAttempts++;
    this.#lose(nowUs());
  }

  #lose(atUs: number): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isReady = false;
    this.#droppedAtUs ??= atUs;
    socket?.reset();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connect(), this.#backoff.delayMs(performance.now()));
  }
}
