import type {
  EndedFrame,
  ErrorFrame,
  GapFrame,
  MessageFrame,
  Position,
  ServerFrame,
  SubscribedFrame,
  UnsubscribedFrame,
} from '@carillon/protocol';
import { backoffDelayMs } from './backoff.ts';
import { assertSame, Channel } from './channel.ts';
import { CHANNELS_PER_FRAME, inFrames } from './channel-frames.ts';
import type { Connection } from './connection.ts';
import type { Emitter } from './emitter.ts';
import { checkNames, fromErrorBody, type RealtimeError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { Message } from './message.ts';
import type { ResolvedOptions } from './options.ts';
import type { SavedPosition } from './saved-state.ts';
import { ChannelSubscription, type SubscribeOptions, type Subscription } from './subscription.ts';

export interface SubscriptionsDeps {
  readonly connection: Connection;
  readonly options: ResolvedOptions;
  readonly events: Emitter<ClientEvents>;
  /** Is this the stamp of one of this client's producers? */
  readonly isOwn: (producer: string | undefined) => boolean;
  /** Takes a channel's position that the page before a reload saved. */
  readonly takePosition: (channel: string) => SavedPosition | undefined;
}

/** All channels of a client: tells the server what is wanted, in one frame per turn, and restores it after a reconnect. */
export class Subscriptions {
  readonly #deps: SubscriptionsDeps;
  readonly #channels = new Map<string, Channel>();
  /** Channels named in frames that are not yet answered, by request id. */
  readonly #asked = new Map<number, readonly string[]>();
  #flushing = false;

  constructor(deps: SubscriptionsDeps) {
    this.#deps = deps;
  }

  /** @throws RealtimeError `ALREADY_SUBSCRIBED` when a position is given for a channel that is in use. */
  add(
    name: string,
    handler: (message: Message<never>) => void,
    options: SubscribeOptions<never>,
  ): Subscription {
    checkNames(options, 'position consumer filter onSnapshotNeeded maxHeldMessages');
    const { position, consumer } = options;
    let channel = this.#channels.get(name);
    if (channel?.wanted) assertSame(channel, options);
    if (channel === undefined || !channel.wanted) channel = this.#begin(name, channel, position);
    channel.consumer = consumer;
    const view = channel;
    const subscription = new ChannelSubscription({
      channel: name,
      view,
      handler,
      leave: (leaving) => this.#leave(view, leaving),
      ack: (acked) => this.#sendAck(view, view.ack(acked)),
      options,
      pace: this.#deps.options,
    });
    channel.subscriptions.add(subscription);
    this.#schedule();
    return subscription;
  }

  /** Where each channel stands, for a successor. */
  saved(nowMs: number): SavedPosition[] {
    const positions: SavedPosition[] = [];
    for (const { name: channel, safePosition: position, wanted, lastIds: ids } of this.#channels.values()) {
      if (wanted && position !== undefined) positions.push({ channel, ...position, atMs: nowMs, ids });
    }
    return positions;
  }

  /** A predecessor was at this position. Returns whether a subscription goes on from it. Only before the first connection. */
  adopt(saved: SavedPosition): boolean {
    const channel = this.#channels.get(saved.channel);
    if (!channel?.wanted) return false;
    channel.restore(saved);
    return true;
  }

  /** Drops positions of another user. Only before the first connection. */
  forgetRestored(): void {
    for (const channel of this.#channels.values()) {
      if (channel.restored) channel.position = undefined;
    }
  }

  isLive = (name: string): boolean => this.#channels.get(name)?.phase === 'live';

  /** [AK3] Away from the server it is remembered and said later. */
  #sendAck({ name: channel, phase, consumer }: Channel, position: Position | undefined): void {
    const { connection } = this.#deps;
    if (position === undefined || phase !== 'live' || consumer === undefined) return;
    connection.send(JSON.stringify({ type: 'ack', id: connection.nextRequestId(), channel, ...position }));
  }

  /** A new life of a channel: what an earlier one has seen is of no concern, but what the server was told is. */
  #begin(name: string, old: Channel | undefined, position: Position | undefined): Channel {
    const restored = this.#deps.takePosition(name);
    const channel = new Channel(name, position);
    if (restored !== undefined) channel.restore(restored);
    if (old !== undefined) {
      clearTimeout(old.timer);
      // The server's subscription of the old life must end before a new one is requested.
      channel.phase = old.phase === 'none' || old.phase === 'refused' ? 'none' : 'unsubscribing';
      if (old.phase === 'live' || old.phase === 'subscribing') this.#sendUnsubscribe([name]);
    }
    this.#channels.set(name, channel);
    return channel;
  }

  #leave(channel: Channel, subscription: ChannelSubscription): void {
    channel.subscriptions.delete(subscription);
    if (!channel.wanted) clearTimeout(channel.timer);
    this.#schedule();
  }

  /** [CN8] Asks for everything at once, which spares a round trip. */
  onHandshake(): void {
    this.#flush(CHANNELS_PER_FRAME);
  }

  /** Asks for what was not asked for in the handshake. */
  onUp(): void {
    this.#flush();
  }

  onDown(): void {
    this.#asked.clear();
    for (const channel of this.#channels.values()) {
      clearTimeout(channel.timer);
      channel.phase = 'none';
    }
  }

  /** Another token may allow what this one did not. */
  onRefreshed(): void {
    for (const channel of this.#channels.values()) if (channel.phase === 'refused') channel.phase = 'none';
    this.#flush();
  }

  /** No connection will come by itself: who waits for a subscription must know. */
  onEnd(error: RealtimeError): void {
    for (const channel of this.#channels.values()) {
      for (const subscription of channel.subscriptions) subscription.abandon(error);
    }
  }

  onFrame(frame: ServerFrame): void {
    if (frame.type === 'message') this.#onMessage(frame);
    else if (frame.type === 'subscribed') this.#onSubscribed(frame);
    else if (frame.type === 'unsubscribed') this.#onUnsubscribed(frame);
    else if (frame.type === 'gap') this.#onGap(frame);
    else if (frame.type === 'ended') this.#onEnded(frame);
    else if (frame.type === 'error') this.#onError(frame);
  }

  #onMessage(frame: MessageFrame): void {
    const channel = this.#channels.get(frame.channel);
    // Before `subscribed`, and after `unsubscribe`, what comes belongs to an earlier subscription.
    if (channel?.phase !== 'live') return;
    const arrival = channel.onMessage(frame, this.#deps.isOwn(frame.producer));
    if (arrival === 'hole') this.#restore(channel);
  }

  /** The server left something out without a word: subscribe anew from our position rather than lose it. */
  #restore(channel: Channel): void {
    channel.phase = 'unsubscribing';
    this.#sendUnsubscribe([channel.name]);
  }

  #onSubscribed(frame: SubscribedFrame): void {
    this.#asked.delete(frame.re as number);
    for (const result of frame.results) {
      const channel = this.#channels.get(result.channel);
      if (channel?.phase !== 'subscribing') continue;
      if (result.error !== undefined) this.#onRefused(channel, fromErrorBody(result.error));
      else {
        const event = channel.onSubscribed(result);
        this.#sendAck(channel, channel.unsaidAck);
        if (event !== undefined) this.#deps.events.emit('recovered', event);
      }
    }
    this.#schedule();
  }

  #onUnsubscribed(frame: UnsubscribedFrame): void {
    this.#asked.delete(frame.re as number);
    this.#onGone(frame.results.map((result) => result.channel));
  }

  #onGone(names: readonly string[]): void {
    for (const name of names) {
      const channel = this.#channels.get(name);
      if (channel?.phase === 'unsubscribing') channel.phase = 'none';
    }
    this.#schedule();
  }

  #onGap(frame: GapFrame): void {
    const channel = this.#channels.get(frame.channel);
    const event = channel?.phase === 'live' ? channel.onGap(frame) : undefined;
    if (event !== undefined) this.#deps.events.emit('gap', event);
  }

  /** [RF3] The server ended it, e.g. because a new token does not allow it. */
  #onEnded(frame: EndedFrame): void {
    const channel = this.#channels.get(frame.channel);
    if (channel?.phase === 'live') this.#onRefused(channel, fromErrorBody(frame));
  }

  /** A whole `subscribe` or `unsubscribe` frame was refused. */
  #onError(frame: ErrorFrame): void {
    const names = this.#asked.get(frame.re as number);
    if (frame.code === 'ACK_INVALID') this.#deps.events.emit('error', fromErrorBody(frame));
    if (names === undefined) return;
    this.#asked.delete(frame.re as number);
    const error = fromErrorBody(frame);
    for (const name of names) {
      const channel = this.#channels.get(name);
      if (channel?.phase === 'subscribing') this.#onRefused(channel, error);
    }
    this.#onGone(names);
  }

  #onRefused(channel: Channel, error: RealtimeError): void {
    channel.onRefused(error);
    this.#deps.events.emit('error', error);
    if (!error.retryable) return;
    const delayMs = backoffDelayMs(this.#deps.options, channel.refusals, error);
    channel.timer = setTimeout(() => {
      if (channel.phase === 'refused') channel.phase = 'none';
      this.#flush();
    }, delayMs);
  }

  /** Everything asked for in one turn goes into one frame. */
  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** @param early how many channels may be asked for while nothing is known of the server */
  #flush(early = 0): void {
    const subscribe: Channel[] = [];
    const unsubscribe: string[] = [];
    const { connected } = this.#deps.connection;
    for (const channel of this.#channels.values()) {
      const idle = channel.phase === 'none' || channel.phase === 'refused';
      if (!channel.wanted && idle) this.#channels.delete(channel.name);
      else if (connected === undefined && subscribe.length >= early) continue;
      else if (channel.wanted && channel.phase === 'none') subscribe.push(channel);
      else if (!channel.wanted && channel.phase === 'live') {
        channel.phase = 'unsubscribing';
        unsubscribe.push(channel.name);
      }
    }
    for (const names of inFrames(unsubscribe, connected?.limits)) this.#sendUnsubscribe(names);
    for (const channels of inFrames(subscribe, connected?.limits)) this.#sendSubscribe(channels);
  }

  #sendSubscribe(channels: readonly Channel[]): void {
    for (const channel of channels) channel.phase = 'subscribing';
    this.#ask(
      'subscribe',
      channels.map(({ name }) => name),
      // JSON.stringify omits members that are undefined.
      channels.map((channel) => ({
        channel: channel.name,
        position: channel.presented(this.#deps.options.stateMaxAgeMs),
        consumer: channel.consumer,
      })),
    );
  }

  #sendUnsubscribe(names: readonly string[]): void {
    this.#ask('unsubscribe', names, names);
  }

  #ask(type: 'subscribe' | 'unsubscribe', names: readonly string[], channels: readonly unknown[]): void {
    const { connection } = this.#deps;
    const id = connection.nextRequestId();
    this.#asked.set(id, names);
    connection.send(JSON.stringify({ type, id, channels }));
  }
}
