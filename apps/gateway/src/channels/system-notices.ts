import { SYSTEM_CHANNEL } from '@carillon/protocol';
import { backoffMs, pause } from '@carillon/service';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { Frame } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import { channelKey } from './channel-name.ts';
import type { Channels } from './channels.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

interface Listener {
  readonly subscriber: Subscriber;
  channel: Channel | undefined;
  ended: boolean;
}

/** [CH7] A connection that didn't subscribe: it is given messages, and knows of no positions that a gap could be between. */
class NoticeSink implements SubscriberSink {
  readonly #connection: SubscriberSink;

  constructor(connection: SubscriberSink) {
    this.#connection = connection;
  }

  get connectionId(): string {
    return this.#connection.connectionId;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  sendFrame(frame: Frame): void {
    this.#connection.sendFrame(frame);
  }

  sendMessage(message: Frame): void {
    this.#connection.sendMessage(message);
  }

  sendMissed(message: Frame): void {
    this.#connection.sendMissed(message);
  }

  room(): Promise<void> | undefined {
    return this.#connection.room();
  }

  tellGap(): void {
    // Without a subscription there is no recovery, so nothing is missing.
  }
}

/** [CH7] Gives every connection what is published on its app's `#system`, without a subscription. */
export class SystemNotices {
  readonly #channels: Channels;
  readonly #log: RepeatedLog;
  readonly #abort = new AbortController();
  /** By app: those that wait until the channel is open. Bounded by the number of connections. */
  readonly #waiting = new Map<string, Set<Listener>>();

  constructor(channels: Channels, telemetry: Telemetry) {
    this.#channels = channels;
    this.#log = new RepeatedLog(telemetry.loggerOf('channels'));
  }

  /** Returns what ends it. */
  attach(app: string, sink: SubscriberSink): () => void {
    const listener: Listener = {
      subscriber: new Subscriber(new NoticeSink(sink)),
      channel: undefined,
      ended: false,
    };
    const open = this.#channels.find(channelKey(app, SYSTEM_CHANNEL));
    if (open?.position !== undefined) this.#join(open, listener);
    else this.#await(app, listener);
    return () => {
      listener.ended = true;
      this.#waiting.get(app)?.delete(listener);
      if (listener.channel !== undefined) this.#channels.unlisten(listener.channel, listener.subscriber);
    };
  }

  stop(): void {
    this.#abort.abort();
  }

  #join(channel: Channel, listener: Listener): void {
    if (listener.ended) return;
    listener.channel = channel;
    this.#channels.listen(channel, listener.subscriber);
  }

  #await(app: string, listener: Listener): void {
    const waiting = this.#waiting.get(app);
    if (waiting !== undefined) {
      waiting.add(listener);
      return;
    }
    this.#waiting.set(app, new Set([listener]));
    void this.#open(app);
  }

  async #open(app: string): Promise<void> {
    for (let attempt = 1; !this.#abort.signal.aborted; attempt++) {
      try {
        const channel = await this.#channels.open(channelKey(app, SYSTEM_CHANNEL));
        const waiting = this.#waiting.get(app)!;
        this.#waiting.delete(app);
        for (const listener of waiting) this.#join(channel, listener);
        return;
      } catch (error) {
        this.#log.warn({ err: error, app }, 'could not open the system channel; trying again');
        await pause(backoffMs(attempt), this.#abort.signal);
      }
    }
  }
}
