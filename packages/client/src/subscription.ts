import type { MessageFrame, Position } from '@carillon/protocol';
import { type Deferred, deferred } from './deferred.ts';
import { callUser, Emitter } from './emitter.ts';
import { RealtimeError } from './errors.ts';
import type { SubscriptionEvents } from './events.ts';

/** A message as the application gets it. */
export interface Message<Payload = unknown> extends Position {
  readonly channel: string;
  readonly id: string;
  /** When the gateway took it, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly payload: Payload;
  readonly event: string | undefined;
  /** User id of the publisher; `undefined` for anonymous publishers. */
  readonly user: string | undefined;
  /** W3C traceparent, when the message's trace is sampled. */
  readonly trace: string | undefined;
  /** This client published it. */
  readonly own: boolean;
  /** It was missed, and came after the subscription was restored. */
  readonly recovered: boolean;
}

/**
 * - `pending`: not yet confirmed by the server, or the connection is away
 * - `subscribed`: messages flow
 * - `refused`: by the server; tried again at the next connect
 * - `ended`: unsubscribed
 */
export type SubscriptionState = 'pending' | 'subscribed' | 'refused' | 'ended';

/** One handler on one channel. Several may share a channel; the server sees one subscription. */
export interface Subscription {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Position of the last message handed over, or where the subscription began. Keep it to go on from here later. */
  readonly position: Position | undefined;
  /** Calls `listener` at each such event. Returns the function that takes it off again. */
  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (event: SubscriptionEvents[Name]) => void,
  ): () => void;
  /** Resolves when the server has confirmed the subscription. Rejects with a RealtimeError when it is refused or ended first. */
  ready(): Promise<void>;
  /** No message is handed over after this. */
  unsubscribe(): void;
}

export interface ChannelView {
  readonly state: SubscriptionState;
  readonly position: Position | undefined;
}

export class ChannelSubscription implements Subscription {
  readonly channel: string;
  readonly #view: ChannelView;
  readonly #leave: (subscription: ChannelSubscription) => void;
  readonly #handler: (message: Message<never>) => void;
  readonly #events = new Emitter<SubscriptionEvents>();
  #ended = false;
  #waiters: Deferred<void>[] = [];

  constructor(deps: {
    readonly channel: string;
    readonly view: ChannelView;
    readonly handler: (message: Message<never>) => void;
    readonly leave: (subscription: ChannelSubscription) => void;
  }) {
    this.channel = deps.channel;
    this.#view = deps.view;
    this.#handler = deps.handler;
    this.#leave = deps.leave;
  }

  get state(): SubscriptionState {
    return this.#ended ? 'ended' : this.#view.state;
  }

  get position(): Position | undefined {
    return this.#view.position;
  }

  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (event: SubscriptionEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  ready(): Promise<void> {
    if (this.#ended) return Promise.reject(this.#endedError());
    if (this.state === 'subscribed') return Promise.resolve();
    const waiter = deferred<void>();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  unsubscribe(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave(this);
    this.abandon(this.#endedError());
  }

  deliver(message: Message): void {
    if (!this.#ended) callUser(() => this.#handler(message as Message<never>));
  }

  notify<Name extends keyof SubscriptionEvents>(name: Name, event: SubscriptionEvents[Name]): void {
    if (!this.#ended) this.#events.emit(name, event);
  }

  onSubscribed(position: Position): void {
    for (const { resolve } of this.#takeWaiters()) resolve();
    this.notify('subscribed', { channel: this.channel, position });
  }

  onRefused(error: RealtimeError): void {
    if (!error.retryable) this.abandon(error);
    this.notify('error', error);
  }

  /** Nobody needs to wait for it any more. */
  abandon(error: RealtimeError): void {
    for (const { reject } of this.#takeWaiters()) reject(error);
  }

  #takeWaiters(): readonly Deferred<void>[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    return waiters;
  }

  #endedError(): RealtimeError {
    return new RealtimeError('CLOSED', `The subscription to ${this.channel} has ended`);
  }
}

/** A `message` frame in the form for the application. */
export function messageOf(frame: MessageFrame, marks: { own: boolean; recovered: boolean }): Message {
  const { channel, epoch, seq, id, timestamp, payload, event, user, trace } = frame;
  return { channel, epoch, seq, id, timestamp, payload, event, user, trace, ...marks };
}
