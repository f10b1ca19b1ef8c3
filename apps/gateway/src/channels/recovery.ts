import type { HistoryEntry } from '@carillon/broker';
import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { pause } from '@carillon/service';
import { type Frame, MessageFrames } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import type { EndedEpochs } from './ended-epochs.ts';
import type { HistoryRetryPool } from './history-retry-pool.ts';
import { isLocal } from './known-lineage.ts';
import { catchUpPatienceMs, type MissingRead } from './read-missing.ts';
import type { Subscriber, SubscriberSink } from './subscriber.ts';

export type ReadMissing = (channel: Channel, epoch: string, from: number, to: number) => Promise<MissingRead>;

/** Contiguous and never empty; or why they can't be had. */
export type MissedFrames =
  | { readonly entries: readonly MessageFrames[] }
  | { readonly reason: NotRecoveredReason };

/** Pause before the next step of a reader that is ahead of its channel. */
const STEP_PAUSE_MS = 50;

/** Epochs after which the client was already told, with `recovered: false`, that messages may be missing. */
export type ToldEpochs = readonly string[];

/** State of one subscriber's recovery. */
interface Way {
  readonly began: Position;
  readonly told: ToldEpochs;
}

/** Where a reader goes on: with messages of its epoch, or at the beginning of another one. */
type Step =
  | { readonly entries: readonly MessageFrames[] }
  | { readonly to: Position; readonly reason?: NotRecoveredReason }
  | { readonly reason: NotRecoveredReason };

/** Brings subscribers from where they were to the live messages. */
export class Recovery {
  readonly #readMissing: ReadMissing;
  readonly #historyRetries: HistoryRetryPool;
  readonly #endedEpochs: EndedEpochs;
  /** Under way. Bounded by the clients that come back. */
  readonly #reads = new Map<string, Promise<MissedFrames>>();

  constructor(readMissing: ReadMissing, historyRetries: HistoryRetryPool, endedEpochs: EndedEpochs) {
    this.#readMissing = readMissing;
    this.#historyRetries = historyRetries;
    this.#endedEpochs = endedEpochs;
  }

  /** When many come back at once, they want the same: it is read and made once for all who ask while it is being read. */
  read(channel: Channel, epoch: string, from: number, to: number): Promise<MissedFrames> {
    const key = `${channel.key} ${epoch}:${from}-${to}`;
    const underWay = this.#reads.get(key);
    if (underWay !== undefined) return underWay;
    const read = this.#readFrames(channel, epoch, from, to).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  async #readFrames(channel: Channel, epoch: string, from: number, to: number): Promise<MissedFrames> {
    const page = await this.#readMissing(channel, epoch, from, to);
    if ('reason' in page) return page;
    const entries = framesOf(channel, page.entries);
    channel.remember(entries);
    return { entries };
  }

  /** From a position whose epoch is not the channel's. */
  async step(channel: Channel, at: Position, isWanted: () => boolean): Promise<Step> {
    // An epoch of this gateway alone, while the broker was away: nothing of it is kept.
    if (isLocal(at) || isLocal(channel.position!)) return { to: channel.position!, reason: 'epoch-changed' };
    const lineage = await this.#endedEpochs.settled(channel, channel.lineage, isWanted);
    if (lineage === undefined) return { reason: 'history-unavailable' };
    if (lineage.epoch === at.epoch) {
      // The channel itself is on its way there.
      await pause(STEP_PAUSE_MS);
      return { to: at };
    }
    const step = await this.#endedEpochs.step(channel, at, lineage, [at.epoch]);
    return 'entries' in step ? { entries: framesOf(channel, step.entries) } : step;
  }

  /**
   * Sends everything after `from` in order, as fast as the client takes it, then joins the live messages at a moment at which nothing
   * is missing. `undefined` when that is so already.
   *
   * @param first the first of what was missed
   */
  start(
    channel: Channel,
    subscriber: Subscriber,
    from: Position,
    first: readonly MessageFrames[],
    told: ToldEpochs = [],
  ): Promise<void> | undefined {
    const sent = sendWhileRoom(subscriber.sink, first);
    const at = sent === 0 ? from : positionOf(first[sent - 1]!);
    const rest = first.slice(sent);
    if (rest.length === 0 && join(channel, subscriber, at, { began: from, told })) return undefined;
    return this.#goOn(channel, subscriber, at, rest, { began: from, told });
  }

  async #goOn(
    channel: Channel,
    subscriber: Subscriber,
    from: Position,
    rest: readonly MessageFrames[],
    way: Way,
  ): Promise<void> {
    const { sink } = subscriber;
    const told = [...way.told];
    const isWanted = (): boolean => sink.isOpen && channel.subscribers.has(subscriber);
    let at = await send(sink, from, rest, isWanted);
    while (isWanted()) {
      const now = channel.position!;
      const recent = now.epoch === at.epoch ? channel.recentAfter(at.seq) : undefined;
      if (recent !== undefined) {
        const sent = sendWhileRoom(sink, recent);
        at = { epoch: at.epoch, seq: at.seq + sent };
        if (sent === recent.length && join(channel, subscriber, at, { ...way, told })) return;
        await sink.room();
        continue;
      }
      const from = at;
      const page: Step = await this.#historyRetries.read(
        () =>
          now.epoch === from.epoch
            ? this.read(channel, from.epoch, from.seq + 1, channel.position!.seq)
            : this.step(channel, from, isWanted),
        { patienceMs: catchUpPatienceMs(channel.policy), isWanted },
      );
      if (!isWanted()) return;
      if ('entries' in page) at = await send(sink, at, page.entries, isWanted);
      else {
        // The channel went on in another epoch while this was read: the next step leads there.
        if (!('to' in page) && page.reason === 'epoch-changed') {
          await pause(STEP_PAUSE_MS);
          continue;
        }
        at = 'to' in page ? page.to : channel.position!;
        const isNews = page.reason !== 'epoch-changed' || !told.includes(from.epoch);
        if (page.reason !== undefined && isNews) {
          told.push(from.epoch);
          sink.tellGap(channel.name, from, at, page.reason);
        }
      }
    }
  }
}

/** When it has everything: the next message of the channel goes to this subscriber as well. No await since the last one was sent. */
function join(channel: Channel, subscriber: Subscriber, at: Position, { began, told }: Way): boolean {
  const { epoch, seq } = channel.position!;
  if (epoch !== at.epoch || seq > at.seq) return false;
  const { lateLoss, sink } = subscriber;
  subscriber.catchingUp = false;
  subscriber.lateLoss = undefined;
  if (lateLoss !== undefined && !told.includes(lateLoss.epoch) && !channel.isBefore(lateLoss, began))
    sink.tellGap(channel.name, lateLoss, at, 'epoch-changed');
  return true;
}

function framesOf({ name }: Channel, entries: readonly HistoryEntry[]): readonly MessageFrames[] {
  return entries.map(({ epoch, seq, record }) => new MessageFrames(name, epoch, seq, record));
}

function positionOf({ epoch, seq }: Position): Position {
  return { epoch, seq };
}

/** Resolves with the position of the last entry that was sent. */
async function send(
  sink: SubscriberSink,
  from: Position,
  frames: readonly MessageFrames[],
  isWanted: () => boolean,
): Promise<Position> {
  let at = from;
  for (const frame of frames) {
    const full = sink.room();
    if (full !== undefined) {
      await full;
      if (!isWanted()) return at;
    }
    sink.sendMissed(frame);
    at = positionOf(frame);
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
