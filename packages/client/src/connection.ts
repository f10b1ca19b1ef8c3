import type { ConnectedFrame, ServerFrame } from '@carillon/protocol';
import { Attempts } from './attempts.ts';
import { CloseReason, type Ending } from './close-reason.ts';
import { CONNECT_ID, connectFrame } from './connect-frame.ts';
import type { ConnectionDeps } from './connection-deps.ts';
import {
  type ConnectionEvent,
  type ConnectionState,
  type EnteredState,
  transition,
} from './connection-state.ts';
import type { Encoded } from './encoding.ts';
import { RealtimeError } from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { randomId } from './random-id.ts';
import {
  ABNORMAL_CLOSURE,
  dropSocket,
  NORMAL_CLOSURE,
  openSocket,
  SOCKET_OPEN,
  type SocketLike,
} from './socket.ts';
import { TokenRefresh } from './token-refresh.ts';
import { TokenSource } from './token-source.ts';
import { tooSlow, unexplainedEnd } from './unexplained-end.ts';

/** Keeps one connection to the server up: what the decisions of connection-state.ts cause. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #tokens: TokenSource;
  readonly #refresh: TokenRefresh;
  readonly #heartbeat: Heartbeat;
  readonly #attempts: Attempts;
  readonly #enter: Readonly<Record<EnteredState, () => void>>;
  /** A predecessor's is taken over before the first connection. */
  session = randomId();
  #state: ConnectionState = 'idle';
  #socket: SocketLike | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #everConnected = false;
  #connected: ConnectedFrame | undefined;
  #token: string | undefined;
  #closeCode = ABNORMAL_CLOSURE;
  #closeReason = new CloseReason();
  #lastError = new RealtimeError('CLOSED', 'The client is not connected');
  #nextRequestId = CONNECT_ID + 1;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#tokens = new TokenSource(deps.options);
    this.#refresh = new TokenRefresh({
      ...deps,
      tokens: this.#tokens,
      send: (frame) => this.send(frame),
      nextRequestId: () => this.nextRequestId(),
    });
    this.#attempts = new Attempts(deps.options.maxAttempts);
    this.#heartbeat = new Heartbeat({
      pongTimeoutMs: deps.options.pongTimeoutMs,
      sendPing: () => this.send(`{"type":"ping","id":${this.nextRequestId()}}`),
      bufferedBytes: () => this.#socket?.bufferedAmount ?? 0,
      unansweredBytes: deps.unansweredBytes,
      onLatency: (roundTripMs) => deps.events.emit('latency', { roundTripMs }),
      onDead: () => this.#ended(ABNORMAL_CLOSURE, 'no answer to a ping'),
    });
    this.#enter = {
      authorizing: () => this.#authorize(),
      opening: () => this.#open(),
      handshaking: () => this.#handshake(),
      connected: () => this.#up(),
      waiting: () => this.#wait(),
      failed: () => this.#giveUp(),
      closed: () => this.#closed(),
    };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The server's answer to `connect`; `undefined` when not connected. */
  get connected(): ConnectedFrame | undefined {
    return this.#state === 'connected' ? this.#connected : undefined;
  }

  /** @throws RealtimeError `CLOSED` or `GAVE_UP` when nothing would ever be answered. */
  assertUsable(): void {
    if (this.#state === 'closed') throw new RealtimeError('CLOSED', 'The client was closed');
    if (this.#state === 'failed') throw this.#gaveUp();
  }

  #gaveUp(): RealtimeError {
    return new RealtimeError('GAVE_UP', `Not connected: ${this.#lastError.message}`, {
      cause: this.#lastError,
    });
  }

  nextRequestId(): number {
    return this.#nextRequestId++;
  }

  /** Sends a frame. Without a connection it is dropped: whoever needs an answer repeats the frame in `onUp`. */
  send(frame: string): void {
    this.sendEncoded(this.encode(frame));
  }

  /** The frame as it goes over the wire: in the encoding that the server selected. */
  encode(frame: string): Encoded {
    const { encoding } = this.#deps.options;
    return this.#socket?.protocol === encoding.subprotocols[0] ? encoding.encode(frame) : frame;
  }

  sendEncoded(frame: Encoded): void {
    if (this.#socket?.readyState === SOCKET_OPEN) this.#socket.send(frame);
  }

  connect(): void {
    this.#dispatch('connect');
  }

  close(): void {
    this.#dispatch('close');
  }

  /** The network came back: don't wait for the timer, and find out whether an open connection survived. */
  onNetworkBack(): void {
    this.#attempts.onNetworkBack();
    this.#dispatch('retry');
    this.#heartbeat.probe();
  }

  #dispatch(event: ConnectionEvent): void {
    const previous = this.#state;
    const next = transition(previous, event);
    if (next === 'ignored') return;
    this.#state = next;
    clearTimeout(this.#timer);
    this.#deps.events.emit('state', { state: next, previous });
    if (next !== 'connected') this.#down(previous === 'connected', next === 'waiting');
    // A listener may have moved on already, e.g. closed the client.
    if (this.#state === next) this.#enter[next]();
  }

  #authorize(): void {
    const attempt = ++this.#attempt;
    this.#attempts.onAttempt();
    this.#closeReason = new CloseReason();
    this.#armAttemptTimeout();
    this.#tokens.get(this.#deps.restored()).then(
      (token) => {
        if (attempt !== this.#attempt) return;
        this.#token = token;
        this.#dispatch('authorized');
      },
      (error: RealtimeError) => {
        if (attempt !== this.#attempt) return;
        this.#deps.events.emit('error', error);
        this.#deps.events.emit('authFailed', { error, willRetry: true });
        this.#fail(error, 'lost');
      },
    );
  }

  #open(): void {
    this.#armAttemptTimeout();
    const { webSocket, url, encoding } = this.#deps.options;
    try {
      const socket = openSocket(webSocket, url, encoding.subprotocols, (code, reason) => {
        if (socket === this.#socket) this.#ended(code, reason || unexplainedEnd(url, this.#state));
      });
      this.#socket = socket;
      socket.onopen = () => this.#dispatch('opened');
      socket.onmessage = (event) => this.#receive(event.data);
    } catch (error) {
      this.#fail(error as RealtimeError, 'refused');
    }
  }

  #handshake(): void {
    this.#armAttemptTimeout();
    this.send(connectFrame(this.#token, this.session, this.#deps.options));
    this.#deps.onHandshake();
  }

  #armAttemptTimeout(): void {
    const { connectTimeoutMs, url } = this.#deps.options;
    const reason = tooSlow(url, connectTimeoutMs);
    this.#timer = setTimeout(() => this.#ended(ABNORMAL_CLOSURE, reason), connectTimeoutMs);
  }

  #receive(data: unknown): void {
    this.#heartbeat.onHeard();
    let frame: ServerFrame;
    try {
      frame = this.#deps.options.encoding.decode(data);
    } catch (cause) {
      const text = 'The server sent an unreadable frame';
      this.#deps.events.emit('error', new RealtimeError('FRAME_UNREADABLE', text, { cause }));
      return;
    }
    this.#route(frame);
  }

  #route(frame: ServerFrame): void {
    if (frame.type === 'pong') this.#heartbeat.onPong();
    else if (frame.type === 'disconnect') this.#closeReason.onDisconnect(frame);
    else if (frame.type === 'connected') {
      this.#connected = frame;
      this.#dispatch('accepted');
    } else if (frame.type === 'error' && (frame.re === CONNECT_ID || frame.re === undefined)) {
      this.#deps.events.emit('error', this.#closeReason.onError(frame));
    } else if (this.#state !== 'connected') {
      // [CN8] An answer to what was sent behind a `connect` that the server did not take: said again on the next attempt.
    } else if (frame.type === 'message_batch') frame.messages.forEach(this.#deps.onFrame);
    else if (frame.type === 'token_expiring') this.#refresh.onExpiring();
    else if (!this.#refresh.onFrame(frame)) this.#deps.onFrame(frame);
  }

  #up(): void {
    const connected = this.#connected!;
    const reconnected = this.#everConnected;
    this.#attempts.onConnected();
    this.#everConnected = true;
    this.#refresh.start(connected);
    this.#heartbeat.start(this.#deps.options.pingIntervalMs ?? connected.heartbeat.pingIntervalMs);
    this.#deps.onUp(connected);
    const { connection, gateway, user } = connected;
    this.#deps.events.emit('connected', { connection, gateway, user, reconnected });
  }

  /** Nothing of an earlier connection or attempt may be left; the application is told when one that was up has ended. */
  #down(wasUp: boolean, willReconnect: boolean): void {
    this.#heartbeat.stop();
    this.#refresh.stop();
    this.#deps.onDown();
    if (!wasUp) return;
    const code = this.#state === 'closed' ? NORMAL_CLOSURE : this.#closeCode;
    const reason = this.#state === 'closed' ? 'closed by the application' : this.#lastError.message;
    this.#deps.events.emit('disconnected', { code, reason, willReconnect });
  }

  /** The socket closed, or is taken for dead. */
  #ended(code: number, reason: string): void {
    const ending = this.#closeReason.endingOf(code, reason, this.#state === 'connected');
    this.#closeCode = ending.code;
    this.#fail(ending.error, this.#verdict(ending));
  }

  #verdict({ after, said, error }: Ending): 'lost' | 'refused' {
    if (after === 'stay-closed') return 'refused';
    if (after === 'reconnect') return 'lost';
    this.#tokens.refused(said);
    const willRetry = this.#tokens.renewable || said?.retryable === true;
    this.#deps.events.emit('authFailed', { error, willRetry });
    return willRetry ? 'lost' : 'refused';
  }

  #fail(error: RealtimeError, verdict: 'lost' | 'refused'): void {
    this.#release();
    this.#lastError = error;
    this.#attempts.onFailure();
    this.#dispatch(this.#attempts.exhausted ? 'refused' : verdict);
  }

  #wait(): void {
    const error = this.#lastError;
    const delayMs = this.#attempts.delayMs(this.#deps.options, error);
    this.#timer = setTimeout(() => this.#dispatch('retry'), delayMs);
    this.#deps.events.emit('reconnecting', { attempt: this.#attempts.made + 1, delayMs, error });
  }

  #giveUp(): void {
    const { made: attempts } = this.#attempts;
    const error = this.#gaveUp();
    this.#forget();
    this.#deps.onEnd(error);
    this.#deps.events.emit('gaveUp', { attempts, error });
  }

  #closed(): void {
    this.#release();
    this.#forget();
    this.#deps.onEnd(new RealtimeError('CLOSED', 'The client was closed'));
  }

  #forget(): void {
    this.#attempts.reset();
    this.#everConnected = false;
  }

  /** Also makes late answers of this attempt stale. */
  #release(): void {
    this.#attempt++;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) dropSocket(socket);
  }
}
