import {
  type ConnectedFrame,
  type ErrorBody,
  type MessageFrame,
  type ServerFrame,
  SYSTEM_CHANNEL,
} from '@carillon/protocol';
import type { AnyChannels, ChannelMap, ChannelName, PayloadOf } from './channel-types.ts';
import { Connection } from './connection.ts';
import type { ConnectionMonitor } from './connection-monitor.ts';
import type { ConnectionState } from './connection-state.ts';
import { type Deferred, deferred, markObserved } from './deferred.ts';
import { Emitter } from './emitter.ts';
import { fromErrorBody, RealtimeError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { HistoryPage, HistoryQuery } from './history.ts';
import { type Message, messageOf } from './message.ts';
import { type RealtimeClientOptions, resolveOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import type { PublishOptions } from './publish-entry.ts';
import type { Publishing, StoredPublishing } from './publishing.ts';
import type { RequestOptions } from './request-options.ts';
import { Requests } from './requests.ts';
import type { StateKeeper } from './state-storage.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';

/** Only without a map of channels may a call say by itself what the payload is. */
type Untyped<Channels extends ChannelMap, Client> = keyof Channels extends never ? Client : never;

/**
 * A connection to Carillon that mends itself. Subscriptions go on where they stopped, each message is handed over once and
 * in order, and each publish gets into its channel once.
 */
export class RealtimeClient<Channels extends ChannelMap = AnyChannels> {
  /** Set when the option `monitor` was given. */
  readonly monitor: ConnectionMonitor | undefined;
  readonly #events = new Emitter<ClientEvents>();
  readonly #connection: Connection;
  readonly #subscriptions: Subscriptions;
  readonly #outbox: Outbox;
  readonly #requests: Requests;
  readonly #keeper: StateKeeper | undefined;
  #connecting: Deferred<void> | undefined;
  #degraded = false;
  /** User of the latest connection: `null` for an anonymous client, `undefined` before the first connection. */
  #user: string | null | undefined;
  readonly #onNetworkBack = () => {
    const { document } = globalThis as { document?: { visibilityState?: string } };
    if (document?.visibilityState !== 'hidden') this.#connection.onNetworkBack();
  };

  /** Does nothing yet; see {@link connect}. @throws TypeError when an option is missing or contradicts another. */
  constructor(options: RealtimeClientOptions) {
    const resolved = resolveOptions(options);
    this.#connection = new Connection({
      options: resolved,
      events: this.#events,
      onFrame: (frame) => this.#onFrame(frame),
      restored: () => this.#keeper?.attach(),
      unansweredBytes: () => this.#outbox.unansweredBytes() + this.#requests.unansweredBytes(),
      onHandshake: () => this.#onHandshake(),
      onUp: (connected) => this.#onUp(connected),
      onDown: () => this.#onDown(),
      onRefreshed: () => this.#subscriptions.onRefreshed(),
      onEnd: (error) => this.#onEnd(error),
    });
    const connection = this.#connection;
    this.#outbox = new Outbox({ connection, options: resolved });
    this.#requests = new Requests({ connection, options: resolved });
    this.#subscriptions = new Subscriptions({
      connection,
      options: resolved,
      events: this.#events,
      isOwn: (producer) => this.#outbox.isOwn(producer),
      takePosition: (channel) => this.#keeper?.takePosition(channel),
    });
    this.#keeper = resolved.storage?.keep({
      options: resolved,
      events: this.#events,
      connection,
      outbox: this.#outbox,
      subscriptions: this.#subscriptions,
    });
    this.#keeper?.attach();
    this.monitor = options.monitor?.(this);
  }

  /** Names this client to the server: what is published on `#session:<session>` is for it alone, when it subscribes to that [CH6]. */
  get session(): string {
    return this.#connection.session;
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Publishes that wait for an answer. */
  get pendingPublishes(): number {
    return this.#outbox.size;
  }

  /** Calls `listener` at each such event. Returns the function that takes it off again. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Connects, and stays connected until `close`. Resolves at the first connection; rejects when the client gives up or
   * is closed before. It need not be awaited: what is subscribed and published meanwhile waits.
   */
  connect(): Promise<void> {
    this.#listenToNetwork('addEventListener');
    this.#connection.connect();
    if (this.state === 'connected') return Promise.resolve();
    this.#connecting ??= deferred();
    return markObserved(this.#connecting.promise);
  }

  /**
   * Hands every message of the channel to `handler`, once and in order, from the moment of the server's confirmation or from
   * `options.position` on. What `handler` throws becomes an uncaught error.
   * @throws RealtimeError `ALREADY_SUBSCRIBED` when a position is given and the channel is in use in this client.
   */
  subscribe<Channel extends ChannelName<Channels>>(
    channel: Channel,
    handler: (message: Message<PayloadOf<Channels, Channel>>) => void,
    options?: SubscribeOptions<PayloadOf<Channels, Channel>>,
  ): Subscription;
  subscribe<Payload>(
    this: Untyped<Channels, this>,
    channel: string,
    handler: (message: Message<Payload>) => void,
    options?: SubscribeOptions<Payload>,
  ): Subscription;
  subscribe(
    channel: string,
    handler: (message: Message<never>) => void,
    options: SubscribeOptions<never> = {},
  ): Subscription {
    this.#keeper?.touch();
    return this.#subscriptions.add(channel, handler, options);
  }

  /**
   * Sends a message; resolves when it is in the channel's log. While the connection is away the message waits, and goes out in
   * order later. Rejects with a RealtimeError: the server's refusal, `OUTBOX_FULL`, `CLOSED`, or `OUTCOME_UNKNOWN` when
   * it was sent and no answer came in time. With `stored`, the promise's own `stored` resolves when it is in the database.
   */
  publish<Channel extends ChannelName<Channels>>(
    channel: Channel,
    payload: PayloadOf<Channels, Channel>,
    options: PublishOptions & { readonly stored: true },
  ): StoredPublishing;
  publish<Channel extends ChannelName<Channels>>(
    channel: Channel,
    payload: PayloadOf<Channels, Channel>,
    options?: PublishOptions,
  ): Publishing;
  publish(channel: string, payload: unknown, options: PublishOptions = {}): Publishing {
    this.#keeper?.touch();
    return this.#outbox.publish(channel, payload, options);
  }

  /** Reads a page of a channel's history. Rejects with a RealtimeError: the server's, or `TIMEOUT`. */
  async history<Channel extends ChannelName<Channels>>(
    channel: Channel,
    query?: HistoryQuery,
  ): Promise<HistoryPage<PayloadOf<Channels, Channel>>> {
    const { messages, more, reason } = await this.#requests.history(channel, query);
    const marked = messages.map((frame) =>
      messageOf(frame, { own: this.#outbox.isOwn(frame.producer), recovered: false, redelivered: false }),
    );
    return { messages: marked as Message<PayloadOf<Channels, Channel>>[], more, reason };
  }

  /**
   * Asks a back end and resolves with its answer. Rejects with a RealtimeError: `TIMEOUT`, `REQUEST_CANCELLED`; `NO_RESPONDER`,
   * `RESPONDER_BUSY`, `PERMISSION_DENIED` (nothing was done); `RESPONDER_LOST`, `OUTCOME_UNKNOWN` (it may have been done; it is never sent twice);
   * `RESPONDER_ERROR` with the back end's own `reason`. Without a connection it waits for one.
   */
  request<Answer = unknown>(method: string, data: unknown = null, options?: RequestOptions): Promise<Answer> {
    return this.#requests.request(method, data, options) as Promise<Answer>;
  }

  /** Ends the connection. What waits is rejected; subscriptions stay and are restored by another `connect`. */
  close(): void {
    this.#listenToNetwork('removeEventListener');
    this.#connection.close();
    this.#keeper?.detach();
  }

  #onFrame(frame: ServerFrame): void {
    if (frame.type === 'error') this.#tellRateLimit(frame);
    else if (frame.type === 'status') this.#tellDegraded(frame.degraded);
    else if (frame.type === 'message' && frame.channel === SYSTEM_CHANNEL) this.#notify(frame);
    else if (frame.type === 'subscribed') {
      for (const { error } of frame.results) if (error !== undefined) this.#tellRateLimit(error);
    }
    this.#subscriptions.onFrame(frame);
    this.#outbox.onFrame(frame);
    this.#requests.onFrame(frame);
    this.#keeper?.touch();
  }

  #tellRateLimit(body: ErrorBody): void {
    if (body.code !== 'RATE_LIMITED') return;
    const error = fromErrorBody(body);
    this.#events.emit('rateLimit', { error, retryAfterMs: error.retryAfterMs });
  }

  #tellDegraded(degraded: boolean): void {
    if (degraded === this.#degraded) return;
    this.#degraded = degraded;
    this.#events.emit('degraded', { degraded });
  }

  /** Without a subscription: with one the handler gets it. */
  #notify(frame: MessageFrame): void {
    if (this.#subscriptions.isLive(frame.channel)) return;
    this.#events.emit('notification', messageOf(frame, { own: false, recovered: false, redelivered: false }));
  }

  /** Positions that a predecessor left are presented only when it is known that they are this user's. */
  #onHandshake(): void {
    if (this.#keeper?.awaitsUser !== true) this.#subscriptions.onHandshake();
  }

  #onUp(connected: ConnectedFrame): void {
    this.#tellDegraded(connected.degraded ?? false);
    const user = connected.user ?? null;
    this.#keeper?.onUser(user);
    if (this.#user !== undefined && this.#user !== user) this.#dropWaiting();
    this.#user = user;
    this.#subscriptions.onUp();
    this.#outbox.onUp();
    this.#requests.onUp();
    this.#connecting?.resolve();
    this.#connecting = undefined;
  }

  /** Nothing may be sent in the name of somebody else. */
  #dropWaiting(): void {
    const error = new RealtimeError('USER_CHANGED', 'The connection is now that of another user');
    this.#outbox.onUserChanged(error);
    this.#requests.onEnd(error);
  }

  #onDown(): void {
    this.#subscriptions.onDown();
    this.#outbox.onDown();
    this.#requests.onDown();
  }

  #onEnd(error: RealtimeError): void {
    this.#subscriptions.onEnd(error);
    this.#outbox.onEnd(error);
    this.#requests.onEnd(error);
    this.#connecting?.reject(error);
    this.#connecting = undefined;
  }

  /**
   * A page hears from the browser when the network is back. One that was in the browser's cache, or in the background where timers are
   * late, is as one that had no network. Node has no such events.
   */
  #listenToNetwork(method: 'addEventListener' | 'removeEventListener'): void {
    const target = globalThis as Partial<Record<typeof method, (name: string, listener: () => void) => void>>;
    for (const name of ['online', 'pageshow', 'visibilitychange'])
      target[method]?.(name, this.#onNetworkBack);
  }
}
