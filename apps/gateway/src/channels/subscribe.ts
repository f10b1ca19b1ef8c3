import type { ChannelKey, HistoryEntry } from '@carillon/broker';
import { CarillonError, decodeRecord, type NotRecoveredReason, type Position } from '@carillon/protocol';
import { within } from '@carillon/service';
import { type Counter, type Family, METRICS, type Telemetry } from '@carillon/telemetry';
import { type Frame, MessageFrames } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import { catchUpPatienceMs, type MissingRead } from './read-missing.ts';
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

export type ReadMissing = (channel: Channel, epoch: string, from: number, to: number) => Promise<MissingRead>;

interface FirstPageOptions {
  readonly forConsumer: boolean;
  /** Does anybody still wait for it? */
  readonly isWanted: () => boolean;
}

/** Subscribes connections to channels and lets those that come back catch up. */
export class Subscribing {
  readonly #channels: Channels;
  readonly #readMissing: ReadMissing;
  readonly #nowMs: () => number;
  /** Under way. Bounded by the clients that come back. */
  readonly #reads = new Map<string, Promise<MissingRead>>();
  readonly #recoveries: Family<Counter>;
  readonly #recoveredMessages: Counter;

  /** @param nowMs the clock that messages are stamped with */
  constructor(channels: Channels, readMissing: ReadMissing, nowMs: () => number, telemetry: Telemetry) {
    this.#nowMs = nowMs;
    this.#channels = channels;
    this.#readMissing = readMissing;
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
    const stopKeeping = channel.beginCatchUp();
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
          void this.#catchUp(channel, subscriber, beginning.position, page).finally(stopKeeping);
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

  /** When many come back at once, they want the same: it is read once for all who ask while it is being read. */
  #readShared(channel: Channel, epoch: string, from: number, to: number): Promise<MissingRead> {
    const key = `${channel.key} ${epoch}:${from}-${to}`;
    const underWay = this.#reads.get(key);
    if (underWay !== undefined) return underWay;
    const read = this.#readMissing(channel, epoch, from, to).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  /** The first missed messages, `undefined` when nothing was missed, or why they can't be had. */
  async #firstPage(
    channel: Channel,
    presented: Position,
    { forConsumer, isWanted }: FirstPageOptions,
  ): Promise<MissingRead | undefined> {
    const at = channel.position!;
    const { policy } = channel;
    if (presented.epoch !== at.epoch) return { reason: 'epoch-changed' };
    if (presented.seq > at.seq) return { reason: 'position-ahead' };
    if (presented.seq === at.seq) return undefined;
    if (at.seq - presented.seq > policy.recoveryMaxMessages)
      return { reason: policy.recoveryMaxMessages === 0 ? 'history-disabled' : 'too-many-missed' };
    const page = await this.#channels.patientReads.read(
      () => this.#readShared(channel, at.epoch, presented.seq + 1, at.seq),
      {
        patienceMs: FIRST_PAGE_PATIENCE_MS,
        isWanted,
      },
    );
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
  async #startOfEpoch(channel: Channel, options: FirstPageOptions): Promise<readonly HistoryEntry[]> {
    const { epoch } = channel.position!;
    const page = await this.#firstPage(channel, { epoch, seq: 0 }, options);
    return page !== undefined && 'entries' in page && channel.position!.epoch === epoch ? page.entries : [];
  }

  #beginningOf(channel: Channel, presented: Position | undefined, first: MissingRead | undefined): Beginning {
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
    const stopKeeping = channel.beginCatchUp();
    void this.#catchUp(channel, subscriber, from, []).finally(stopKeeping);
  }

  /**
   * Sends everything after `from` in order, as fast as the client takes it, then joins the live messages at a moment at which nothing
   * is missing.
   */
  async #catchUp(
    channel: Channel,
    subscriber: Subscriber,
    from: Position,
    first: readonly HistoryEntry[],
  ): Promise<void> {
    const { sink } = subscriber;
    const isWanted = (): boolean => sink.isOpen && channel.subscribers.has(subscriber);
    let at = await send(channel, sink, from, first, isWanted);
    while (isWanted()) {
      const now = channel.position!;
      const recent = now.epoch === at.epoch ? channel.recentAfter(at.seq) : undefined;
      if (recent !== undefined) {
        const sent = sendWhileRoom(sink, recent);
        if (sent === recent.length) {
          // No await between the last frame and this: the next message of the channel goes to this subscriber as well.
          subscriber.catchingUp = false;
          return;
        }
        at = { epoch: at.epoch, seq: at.seq + sent };
        await sink.room();
        continue;
      }
      const page =
        now.epoch === at.epoch
          ? await this.#channels.patientReads.read(
              () => this.#readShared(channel, at.epoch, at.seq + 1, channel.position!.seq),
              { patienceMs: catchUpPatienceMs(channel.policy), isWanted },
            )
          : { reason: 'epoch-changed' as const };
      if (!isWanted()) return;
      if ('reason' in page) {
        const to = page.reason === 'epoch-changed' ? startOf(channel) : channel.position!;
        sink.tellGap(channel.name, at, to, page.reason);
        at = to;
      } else at = await send(channel, sink, at, page.entries, isWanted);
    }
  }
}

/** Where the present epoch begins; where nothing of it can be read, where it is now. */
function startOf({ policy, position }: Channel): Position {
  const canBeRead = policy.history !== undefined || policy.durable;
  return canBeRead ? { epoch: position!.epoch, seq: 0 } : position!;
}

function isOther(presented: Position, { position }: Channel): boolean {
  return presented.epoch !== position!.epoch;
}

function before({ epoch, seq }: HistoryEntry): Position {
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

/** Resolves with the position of the last entry that was sent. */
async function send(
  channel: Channel,
  sink: SubscriberSink,
  from: Position,
  entries: readonly HistoryEntry[],
  isWanted: () => boolean,
): Promise<Position> {
  let at = from;
  for (const { epoch, seq, record } of entries) {
    const full = sink.room();
    if (full !== undefined) {
      await full;
      if (!isWanted()) return at;
    }
    sink.sendMissed(new MessageFrames(channel.name, epoch, seq, record));
    at = { epoch, seq };
  }
  return at;
}

/** Returns how many of the frames were sent. */
function sendWhileRoom(sink: SubscriberSink, frames: readonly Frame[]): number {
  let sent = 0;
  for (const frame of frames) {
    if (sink.room() !== undefined) break;
    sink.sendMissed(frame);
    sent++;
  }
  return sent;
}

/** Epochs of a channel sort by age. */
function isAfter(a: Position, b: Position): boolean {
  return a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch;
}
