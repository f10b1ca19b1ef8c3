import type { Identity } from '@carillon/auth';
import {
  afterClose,
  CLOSES,
  type CloseName,
  type NotRecoveredReason,
  type Position,
  SUBPROTOCOL_PROTOBUF,
} from '@carillon/protocol';
import type { WebSocket } from 'ws';
import type { ClientSocket } from '../admission/address-group.ts';
import type { SubscriberSink } from '../channels/subscriber.ts';
import type { Subscription } from '../channels/subscriptions.ts';
import { type BatchBounds, Batcher, type Batching } from '../egress/batcher.ts';
import { type Compression, takesCompressed } from '../egress/compression.ts';
import type { FlushScheduler } from '../egress/flush-scheduler.ts';
import type { EncodingName, Frame } from '../egress/frame.ts';
import { Outbox, type OutboxLimits } from '../egress/outbox.ts';
import { rawSocketOf } from '../egress/raw-socket.ts';
import { encodeFrame } from '../egress/server-frames.ts';
import { PING_FRAME } from '../egress/text-frame.ts';
import {
  type ConnectionEvent,
  type ConnectionState,
  type Transition,
  transition,
} from './connection-state.ts';

/** How long a client has to answer the close before the socket is cut. */
const CLOSE_TIMEOUT_MS = 2000;
/** The reason stands behind all that a slow client has not taken yet. */
const SLOW_CLOSE_TIMEOUT_MS = 10_000;

export interface ConnectionOptions {
  readonly id: string;
  readonly webSocket: WebSocket;
  readonly client: ClientSocket;
  readonly limits: OutboxLimits;
  readonly rounds: FlushScheduler;
  readonly batching: Batching;
  /** `undefined`: off. */
  readonly compression: Compression | undefined;
  /** Token that came with the upgrade request; used when the connect frame has none. */
  readonly upgradeToken: string | undefined;
  readonly onOverflow: (connection: Connection, queuedMessages: number, queuedBytes: number) => void;
}

/** One client. Knows its state, its identity and its subscriptions; what to do with frames stands in ingress/. */
export class Connection implements SubscriberSink {
  readonly connectionId: string;
  readonly subscriptions = new Map<string, Subscription>();
  /** Channels whose subscription is being made; they count towards the limit. */
  readonly subscribing = new Set<string>();
  readonly webSocket: WebSocket;
  readonly client: ClientSocket;
  /** [CH6] Brought with `connect`. */
  session: string | undefined;
  /** Ends what the connection gets without having asked. */
  endSystemNotices: (() => void) | undefined;
  /** Set with the first request or `serve`: lets go of what the connection asked and was asked. */
  endRequests: (() => void) | undefined;
  readonly openedAtMs = performance.now();
  upgradeToken: string | undefined;
  identity: Identity | undefined;
  /** Why the gateway ends it; `undefined` while it doesn't. The first cause counts. */
  endCode: number | undefined;
  /** The client was told that the present token expires soon. */
  toldExpiring = false;
  lastHeardMs = performance.now();
  /** Times of the last invalid frames, see ingress/error-budget.ts. */
  invalidFrames = 0;
  invalidSinceMs = 0;
  /** By the subprotocol that was selected. */
  readonly encoding: EncodingName;
  readonly #batching: Batching;
  /** Only when it was negotiated. */
  readonly #compression: Compression | undefined;
  readonly #outbox: Outbox;
  /** Only when the client asked for batches. */
  #batcher: Batcher | undefined;
  #state: ConnectionState = 'greeting';

  constructor(options: ConnectionOptions) {
    const { id, webSocket, client, limits, rounds, batching, compression, upgradeToken, onOverflow } =
      options;
    this.connectionId = id;
    this.webSocket = webSocket;
    this.client = client;
    client.evict = () => this.#evict();
    this.encoding = webSocket.protocol === SUBPROTOCOL_PROTOBUF ? 'protobuf' : 'json';
    this.#batching = batching;
    this.#compression = takesCompressed(webSocket) ? compression : undefined;
    this.upgradeToken = upgradeToken;
    this.#outbox = new Outbox(rawSocketOf(webSocket), limits, rounds, (messages, bytes) =>
      onOverflow(this, messages, bytes),
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state !== 'closing' && this.webSocket.readyState === this.webSocket.OPEN;
  }

  /** Moves to the next state where there is one. */
  apply(event: ConnectionEvent): Transition {
    const next = transition(this.#state, event);
    if (next !== 'out-of-state' && next !== 'ignored') this.#state = next;
    return next;
  }

  sendFrame(frame: Frame): void {
    if (frame.keepsOrder) this.#batcher?.flush();
    this.#outbox.send(this.#compressed(frame.in(this.encoding)));
  }

  sendMessage(message: Frame): void {
    const frame = message.in(this.encoding);
    if (this.#batcher === undefined) this.#outbox.sendGathered(this.#compressed(frame));
    else this.#batcher.add(frame);
  }

  sendMissed(message: Frame): void {
    const frame = message.in(this.encoding);
    if (this.#batcher === undefined) this.#outbox.send(this.#compressed(frame));
    else this.#batcher.add(frame);
  }

  /** [BA1] From now on messages leave in batches. */
  batch(bounds: BatchBounds): void {
    this.#batcher = new Batcher(this.#batching, bounds, this.encoding, (batch) =>
      this.#outbox.sendGathered(this.#compressed(batch)),
    );
  }

  #compressed(frame: Buffer): Buffer {
    return this.#compression === undefined ? frame : this.#compression.of(frame);
  }

  room(): Promise<void> | undefined {
    return this.#outbox.room();
  }

  ping(): void {
    if (this.isOpen) this.#outbox.sendGathered(PING_FRAME);
  }

  tellGap(channel: string, from: Position, to: Position, reason: NotRecoveredReason): void {
    this.sendFrame(encodeFrame({ type: 'gap', channel, epoch: to.epoch, seq: to.seq, reason, from }));
  }

  /** Tells the client why, then closes. Later calls do nothing. */
  close(name: CloseName, reason: string = CLOSES[name].meaning, retryAfterMs?: number): void {
    if (this.apply('close') === 'ignored') return;
    const { code } = CLOSES[name];
    this.endCode = code;
    const reconnect = afterClose(code) !== 'stay-closed';
    this.sendFrame(
      encodeFrame({
        type: 'disconnect',
        code,
        reason,
        reconnect,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }),
    );
    this.#outbox.close();
    this.webSocket.close(code, name);
    this.#cutLater(name === 'SLOW_CONSUMER' ? SLOW_CLOSE_TIMEOUT_MS : CLOSE_TIMEOUT_MS);
  }

  /** Closes an unauthenticated connection to make room for others. */
  #evict(): void {
    this.close('AT_CAPACITY', 'The share of connections without a valid token is full.', 5000);
    // Destroyed at once: a client that occupies limited places could delay the close handshake, too.
    this.client.socket.destroySoon();
  }

  /**
   * The client broke the WebSocket protocol, and the library sends the close that says how. Not cut off at once: what it still sends
   * would be answered with a reset, which takes that close from it.
   */
  broken(error: Error): void {
    this.endCode ??= closeCodeOf(error);
    this.apply('close');
    this.#batcher?.stop();
    this.#outbox.close();
    this.#cutLater(CLOSE_TIMEOUT_MS);
  }

  #cutLater(timeoutMs: number): void {
    setTimeout(() => this.webSocket.terminate(), timeoutMs).unref();
  }

  /** The socket is gone. */
  ended(): void {
    this.apply('close');
    this.#batcher?.stop();
    this.#outbox.close();
    this.endSystemNotices?.();
    this.endRequests?.();
    for (const subscription of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
  }
}

/** The code with which the library closes after an error of the client; `undefined` for a socket that broke. */
function closeCodeOf(error: Error): number | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!code.startsWith('WS_ERR_')) return undefined;
  return LIBRARY_CLOSES.get(code) ?? 1002;
}

const LIBRARY_CLOSES: ReadonlyMap<string, number> = new Map([
  ['WS_ERR_INVALID_UTF8', 1007],
  ['WS_ERR_TOO_MANY_BUFFERED_PARTS', 1008],
  ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 1009],
]);
