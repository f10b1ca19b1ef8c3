import type { NotRecoveredReason, Position } from '@carillon/protocol';
import type { Pace } from './backoff.ts';
import { type Deferred, deferred } from './deferred.ts';
import { callUser, Emitter } from './emitter.ts';
import { RealtimeError } from './errors.ts';
import type { SubscriptionEvents } from './events.ts';
import type { Message } from './message.ts';
import { Reconcile, type SnapshotCallback } from './reconcile.ts';

/**
 * - `pending`: not yet confirmed by the server, or the connection is away
 * - `subscribed`: messages flow
 * - `refused`: by the server; tried again at the next connect
 * - `ended`: unsubscribed
 */
export type SubscriptionState = 'pending' | 'subscribed' | 'refused' | 'ended';

export interface SubscribeOptions<Payload = unknown> {
  /** Go on after this position: messages since then come first. Without it only new messages come. */
  readonly position?: Position;
  /**
   * Name of a durable subscription of this user, 1 to 64 letters, digits, `_` or `-`, in a namespace with acknowledgements: goes on
   * after what was acknowledged with {@link Subscription.ack}, and what is not acknowledged in time comes again.
   */
  readonly consumer?: string;
  /** Messages for which it returns `false` are not handed over. They are sent all the same. */
  readonly filter?: (message: Message<Payload>) => boolean;
  /**
   * Called when messages were lost for good (`recovered: false`, a gap). Until it has resolved, messages are held. When it
   * throws it is called again, with backoff.
   */
  readonly onSnapshotNeeded?: SnapshotCallback;
  /** Messages held for a snapshot, at most. With more another snapshot is asked for. Default 1000. */
  readonly maxHeldMessages?: number;
}

/** One handler on one channel. Several may share a channel; the server sees one subscription. */
export interface Subscription {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Messages are held until `onSnapshotNeeded` has brought a snapshot. */
  readonly holding: boolean;
  /** Position of the last message handed over, or where the subscription began. Keep it to go on from here later. */
  readonly position: Position | undefined;
  /** Calls `listener` at each such event. Returns the function that takes it off again. */
  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (event: SubscriptionEvents[Name]) => void,
  ): () => void;
  /** Resolves when the server has confirmed the subscription. Rejects with a RealtimeError when it is refused or ended first. */
  ready(): Promise<void>;
  /** Everything up to this position, e.g. of a message, is dealt with. Only with `consumer`. */
  ack(position: Position): void;
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
  readonly #ack: (position: Position) => void;
  readonly #handler: (message: Message<never>) => void;
  readonly #filter: ((message: Message<never>) => boolean) | undefined;
  readonly #reconcile: Reconcile | undefined;
  readonly #events = new Emitter<SubscriptionEvents>();
  #ended = false;
  #waiters: Deferred<void>[] = [];

  constructor(deps: {
    readonly channel: string;
    readonly view: ChannelView;
    readonly handler: (message: Message<never>) => void;
    readonly leave: (subscription: ChannelSubscription) => void;
    readonly ack: (position: Position) => void;
    readonly options: SubscribeOptions<never>;
    readonly pace: Pace;
  }) {
    this.channel = deps.channel;
    this.#view = deps.view;
    this.#handler = deps.handler;
    this.#leave = deps.leave;
    this.#ack = deps.ack;
    const { filter, onSnapshotNeeded: callback, maxHeldMessages: maxHeld = 1_000 } = deps.options;
    this.#filter = filter;
    if (callback === undefined) return;
    const { channel, pace } = deps;
    const release = (message: Message) => this.#hand(message);
    const onError = (error: RealtimeError) => this.notify('error', error);
    this.#reconcile = new Reconcile({ channel, callback, maxHeld, pace, release, onError });
  }

  get state(): SubscriptionState {
    return this.#ended ? 'ended' : this.#view.state;
  }

  get holding(): boolean {
    return this.#reconcile?.request !== undefined;
  }

  get position(): Position | undefined {
    return this.holding ? this.#reconcile?.request?.from : this.#view.position;
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

  ack({ epoch, seq }: Position): void {
    if (!this.#ended) this.#ack({ epoch, seq });
  }

  unsubscribe(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reconcile?.end();
    this.#leave(this);
    this.abandon(this.#endedError());
  }

  deliver(message: Message): void {
    if (!this.#reconcile?.hold(message)) this.#hand(message);
  }

  #hand(message: Message): void {
    if (this.#ended) return;
    callUser(() => {
      if (this.#filter?.(message as Message<never>) !== false) this.#handler(message as Message<never>);
    });
  }

  /** Messages between the two positions will not come. */
  onLost(reason: NotRecoveredReason, from: Position | undefined, to: Position): void {
    if (!this.#ended) this.#reconcile?.lost(reason, from, to);
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

  /** Rejects the waiters of `ready`. */
  abandon(error: RealtimeError): void {
    for (const { reject } of this.#takeWaiters()) reject(error);
  }

  #takeWaiters(): readonly Deferred<void>[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    return waiters;
  }

  #endedError(): RealtimeError {
    return new RealtimeError('CLOSED', `The subscription to ${this.channel} ended`);
  }
}
