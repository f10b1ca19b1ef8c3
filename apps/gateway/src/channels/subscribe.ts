import type { ChannelKey } from '@carillon/broker';
import { CarillonError, decodeRecord, type NotRecoveredReason, type Position } from '@carillon/protocol';
import { within } from '@carillon/service';
import { type Counter, type Family, METRICS, type Telemetry } from '@carillon/telemetry';
import type { MessageFrames } from '../egress/frame.ts';
import { CatchingUp, type MissedFrames, type ReadMissing } from './catching-up.ts';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

/** A client that comes back waits so long for its first messages; then it is told to come again. */
const FIRST_PAGE_PATIENCE_MS = 8000;

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

interface FirstPageOptions {
  readonly forConsumer: boolean;
  /** Does anybody still wait for it? */
  readonly isWanted: () => boolean;
}

/** Subscribes connections to channels and lets those that come back catch up. */
export class Subscribing {
  readonly #channels: Channels;
  readonly #catchingUp: CatchingUp;
  readonly #nowMs: () => number;
  readonly #recoveries: Family<Counter>;
  readonly #recoveredMessages: Counter;

  /** @param nowMs the clock that messages are stamped with */
  constructor(channels: Channels, readMissing: ReadMissing, nowMs: () => number, telemetry: Telemetry) {
    this.#nowMs = nowMs;
    this.#channels = channels;
    this.#catchingUp = new CatchingUp(readMissing, channels.patientReads);
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
      if (presented !== undefined && isAfter(presented, channel.position!)) await this.#reach(channel);
      const isOpen = (): boolean => sink.isOpen;
      const first =
        presented === undefined
          ? undefined
          : await this.#firstPage(channel, presented, { forConsumer, isWanted: isOpen });
      let beginning = this.#beginningOf(channel, presented, first);
      let entries = first !== undefined && 'entries' in first ? first.entries : [];
      if (presented !== undefined && isAfter(beginning.position, presented) && isOther(presented, channel)) {
        entries = await this.#startOfEpoch(channel, { forConsumer, isWanted: isOpen });
        if (entries.length > 0) beginning = { ...beginning, position: before(entries[0]!) };
      }
      return {
        channel,
        subscriber,
        beginning,
        end,
        begin: () => {
          const page = entries;
          entries = []; // the subscription lives on, and would hold them as long
          this.#begin(channel, subscriber, { from: beginning.position, page, stopKeeping });
        },
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Brings the channel to where the broker is. @throws CarillonError HISTORY_UNAVAILABLE when that takes longer than a client should wait */
  async #reach(channel: Channel): Promise<void> {
    const reached = this.#channels.catchUp(channel).then(() => true);
    if (!(await within(reached, FIRST_PAGE_PATIENCE_MS, false))) throw unavailable(channel);
  }

  /** The first missed messages, `undefined` when nothing was missed, or why they can't be had. */
  async #firstPage(
    channel: Channel,
    presented: Position,
    { forConsumer, isWanted }: FirstPageOptions,
  ): Promise<MissedFrames | undefined> {
    const at = channel.position!;
    const { policy } = channel;
    if (presented.epoch !== at.epoch) return { reason: 'epoch-changed' };
    if (presented.seq > at.seq) return { reason: 'position-ahead' };
    if (presented.seq === at.seq) return undefined;
    if (at.seq - presented.seq > policy.recoveryMaxMessages)
      return { reason: policy.recoveryMaxMessages === 0 ? 'history-disabled' : 'too-many-missed' };
    // Others who have just come back may have missed the same.
    const recent = channel.recentAfter(presented.seq);
    const page =
      recent === undefined
        ? await this.#channels.patientReads.read(
            () => this.#catchingUp.read(channel, at.epoch, presented.seq + 1, at.seq),
            { patienceMs: FIRST_PAGE_PATIENCE_MS, isWanted },
          )
        : { entries: recent };
    if ('reason' in page) {
      if (page.reason === 'history-unavailable') throw unavailable(channel);
      return page;
    }
    const { header } = decodeRecord(page.entries[0]!.record);
    // [AK2] A consumer may have been away for as long as its messages are kept.
    return !forConsumer && this.#nowMs() - header.timestamp > policy.recoveryWindowMs
      ? { reason: 'window-exceeded' }
      : page;
  }

  /**
   * The first messages of the present epoch, for one who has none of them: after a loss they are what was published again, as well. Empty when
   * they can't be had, or are too many or too old.
   */
  async #startOfEpoch(channel: Channel, options: FirstPageOptions): Promise<readonly MessageFrames[]> {
    const { epoch } = channel.position!;
    const page = await this.#firstPage(channel, { epoch, seq: 0 }, options);
    return page !== undefined && 'entries' in page && channel.position!.epoch === epoch ? page.entries : [];
  }

  #beginningOf(
    channel: Channel,
    presented: Position | undefined,
    first: MissedFrames | undefined,
  ): Beginning {
    const at = channel.position!;
    if (presented === undefined) return { position: at, recovery: undefined };
    if (first !== undefined && 'reason' in first) {
      this.#recoveries.labels(first.reason).add();
      return { position: at, recovery: { recovered: false, reason: first.reason } };
    }
    // A new epoch may have begun while the first page was read.
    if (presented.epoch !== at.epoch)
      return { position: at, recovery: { recovered: false, reason: 'epoch-changed' } };
    const missed = at.seq - presented.seq;
    this.#recoveries.labels('recovered').add();
    this.#recoveredMessages.add(missed);
    return { position: presented, recovery: { recovered: true, missed } };
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
    }: { readonly from: Position; readonly page: readonly MessageFrames[]; readonly stopKeeping: () => void },
  ): void {
    const underWay = this.#catchingUp.start(channel, subscriber, from, page);
    if (underWay === undefined) stopKeeping();
    else void underWay.finally(stopKeeping);
  }
}

function isOther(presented: Position, { position }: Channel): boolean {
  return presented.epoch !== position!.epoch;
}

function before({ epoch, seq }: Position): Position {
  return { epoch, seq: seq - 1 };
}

/** [SU8] */
function unavailable({ name }: Channel): CarillonError {
  return new CarillonError(
    'HISTORY_UNAVAILABLE',
    `What was missed on ${name} can not be read now. Subscribe again with the same position, or without one to go on without it.`,
    { retryAfterMs: 1000 },
  );
}

/** Epochs of a channel sort by age. */
function isAfter(a: Position, b: Position): boolean {
  return a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch;
}
