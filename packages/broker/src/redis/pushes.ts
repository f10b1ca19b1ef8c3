import type { Redis } from 'ioredis';
import type { PipelinedConnection } from './pipelined/pipelined-connection.ts';
import type { Reply } from './pipelined/resp-reader.ts';

/** Receiver of the pushes of some channels. */
export interface PushReceiver {
  /** Shard channels. Each has one receiver. */
  readonly channels: readonly string[];
  readonly onPush: (channel: string, text: string) => void;
  /** The connection is made anew: what was pushed meanwhile has passed by. */
  readonly onRenewed: () => void;
  /** The connection is gone. */
  readonly onLost: () => void;
}

export interface PushesDependencies {
  /** The publisher's connection. */
  readonly redis: Redis;
  readonly onError: (error: Error) => void;
}

/**
 * Messages that Redis pushes to gateways. They come on the publisher's connection, so that a gateway gets what it published in one read with
 * the answer, and Redis sends both in one write.
 */
export class Pushes {
  readonly #redis: Redis;
  readonly #onError: (error: Error) => void;
  /** One per feed. */
  readonly #receivers = new Set<PushReceiver>();
  readonly #byChannel = new Map<string, PushReceiver>();
  /** On the connection that there is now. */
  readonly #subscribed = new Set<PushReceiver>();

  constructor({ redis, onError }: PushesDependencies) {
    this.#redis = redis;
    this.#onError = onError;
    redis.on('close', () => this.#lost());
  }

  /** Resolves when whatever is pushed from now on reaches the receiver. @throws CarillonError UNAVAILABLE when `signal` aborts. */
  async add(wire: PipelinedConnection, receiver: PushReceiver, signal: AbortSignal): Promise<void> {
    this.#receivers.add(receiver);
    for (const channel of receiver.channels) this.#byChannel.set(channel, receiver);
    while (!this.#subscribed.has(receiver)) {
      await wire.untilReady(signal);
      await this.#subscribe(wire, receiver).catch((error: Error) => {
        this.#onError(error);
        this.#redis.disconnect(true);
      });
    }
  }

  /** The receiver's channels stay subscribed for the connection's life; nothing is pushed to a gateway that has left. */
  remove(receiver: PushReceiver): void {
    this.#receivers.delete(receiver);
    this.#subscribed.delete(receiver);
    for (const channel of receiver.channels) this.#byChannel.delete(channel);
  }

  /** A new connection, before it is used. Rejects with what Redis answers when it doesn't allow it. */
  async prepare(wire: PipelinedConnection): Promise<void> {
    for (const receiver of this.#receivers) await this.#subscribe(wire, receiver);
  }

  /** The new connection is ready. */
  renewed(): void {
    for (const receiver of this.#subscribed) receiver.onRenewed();
  }

  take(push: Reply): void {
    const [kind, channel, text] = push as readonly [string, string, string];
    if (kind === 'smessage') this.#byChannel.get(channel)?.onPush(channel, text);
    // A subscription has ended, as it does when a partition moves to another node.
    else if (kind === 'sunsubscribe') this.#redis.disconnect(true);
  }

  async #subscribe(wire: PipelinedConnection, receiver: PushReceiver): Promise<void> {
    await wire.subscribe(receiver.channels);
    if (this.#receivers.has(receiver)) this.#subscribed.add(receiver);
  }

  #lost(): void {
    const lost = [...this.#subscribed];
    this.#subscribed.clear();
    for (const receiver of lost) receiver.onLost();
  }
}
