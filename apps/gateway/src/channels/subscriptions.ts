import type { ChannelKey } from '@carillon/broker';
import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { type Counter, type Family, METRICS, type Telemetry } from '@carillon/telemetry';
import type { MessageFrames } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import { FirstPages, type Start } from './first-pages.ts';
import { type ReadMissing, Recovery, type ToldEpochs } from './recovery.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

/** How a subscription begins; what goes into the `subscribed` frame. */
export interface Beginning {
  readonly position: Position;
  /** Only when a position was presented. */
  readonly recovery:
    | { readonly recovered: true; readonly missed: number }
    | { readonly recovered: false; readonly reason: NotRecoveredReason }
    | undefined;
}

export interface Subscription {
  readonly channel: Channel;
  readonly beginning: Beginning;
  /** Call when the `subscribed` frame has been sent: missed messages follow, then live ones. */
  readonly begin: () => void;
  readonly subscriber: Subscriber;
  readonly end: () => void;
}

export interface SubscribeOptions {
  /** Messages are kept for it however long it was away. */
  readonly forConsumer?: boolean;
}

/** Subscribes connections to channels and lets those that come back catch up. */
export class Subscriptions {
  readonly #channels: Channels;
  readonly #catchingUp: Recovery;
  readonly #firstPages: FirstPages;
  readonly #recoveries: Family<Counter>;
  readonly #recoveredMessages: Counter;

  /** @param nowMs the clock that messages are stamped with */
  constructor(channels: Channels, readMissing: ReadMissing, nowMs: () => number, telemetry: Telemetry) {
    this.#channels = channels;
    this.#catchingUp = new Recovery(readMissing, channels.historyRetries, channels.endedEpochs);
    this.#firstPages = new FirstPages({ catchingUp: this.#catchingUp, channels, nowMs });
    this.#recoveries = telemetry.metrics.counters(METRICS.recoveries);
    this.#recoveredMessages = telemetry.metrics.counter(METRICS.recoveredMessages);
  }

  /** @throws CarillonError UNAVAILABLE when the broker is away, HISTORY_UNAVAILABLE when what was missed can't be read now. */
  async subscribe(
    key: ChannelKey,
    sink: SubscriberSink,
    presented: Position | undefined,
    { forConsumer = false }: SubscribeOptions = {},
  ): Promise<Subscription> {
    const channel = await this.#channels.open(key);
    const subscriber = new Subscriber(sink);
    // Live messages pass by until `begin`: the `subscribed` frame has to come first.
    subscriber.catchingUp = true;
    this.#channels.add(channel, subscriber);
    const stopKeeping = channel.beginCatchUp(presented !== undefined);
    const end = (): void => {
      stopKeeping();
      this.#channels.remove(channel, subscriber);
    };
    try {
      const isWanted = (): boolean => sink.isOpen;
      const start = await this.#firstPages.startFrom(channel, presented, { forConsumer, isWanted });
      this.#count(start);
      let { entries } = start;
      return {
        channel,
        subscriber,
        beginning: { position: start.position, recovery: start.recovery },
        end,
        begin: () => {
          const page = entries;
          entries = []; // the subscription lives on, and would hold them as long
          this.#begin(channel, subscriber, { from: start.position, page, stopKeeping, told: start.told });
        },
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  #count({ recovery }: Start): void {
    if (recovery === undefined) return;
    this.#recoveries.labels(recovery.recovered ? 'recovered' : recovery.reason).add();
    if (recovery.recovered) this.#recoveredMessages.add(recovery.missed);
  }

  /** [AK4] Everything after `from` once more, then live messages again. */
  sendAgain({ channel, subscriber }: Subscription, from: Position): void {
    if (subscriber.catchingUp || !channel.subscribers.has(subscriber)) return;
    subscriber.catchingUp = true;
    this.#begin(channel, subscriber, { from, page: [], stopKeeping: channel.beginCatchUp(true) });
  }

  #begin(
    channel: Channel,
    subscriber: Subscriber,
    {
      from,
      page,
      stopKeeping,
      told,
    }: {
      readonly from: Position;
      readonly page: readonly MessageFrames[];
      readonly stopKeeping: () => void;
      readonly told?: ToldEpochs | undefined;
    },
  ): void {
    const underWay = this.#catchingUp.start(channel, subscriber, from, page, told);
    if (underWay === undefined) stopKeeping();
    else void underWay.finally(stopKeeping);
  }
}
