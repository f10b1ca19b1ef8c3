import { countAfter, endOf, epochAfter, type Lineage } from '@carillon/broker';
import { CarillonError, decodeRecord, type NotRecoveredReason, type Position } from '@carillon/protocol';
import { pause, within } from '@carillon/service';
import type { MessageFrames } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import type { MissedFrames, Recovery, ToldEpochs } from './recovery.ts';

/** A client that comes back waits so long for its first messages; then it is told to come again. */
const FIRST_PAGE_PATIENCE_MS = 8000;

/** Pause before the next step of a reader that is ahead of its channel. */
const STEP_PAUSE_MS = 50;

/** Where a subscription starts. */
export interface Start {
  readonly position: Position;
  /** Only when a position was presented. */
  readonly recovery:
    | { readonly recovered: true; readonly missed: number }
    | { readonly recovered: false; readonly reason: NotRecoveredReason }
    | undefined;
  /** The first messages after `position`. */
  readonly entries: readonly MessageFrames[];
  readonly told?: ToldEpochs;
}

export interface StartOptions {
  /** Messages are kept for it however long it was away. */
  readonly forConsumer: boolean;
  /** Does anybody still wait for it? */
  readonly isWanted: () => boolean;
}

export interface FirstPagesDependencies {
  readonly catchingUp: Recovery;
  readonly channels: Channels;
  /** The clock that messages are stamped with. */
  readonly nowMs: () => number;
}

/** Finds where a client that comes back goes on, and the first messages that it missed. [SU5] [SU6] */
export class FirstPages {
  readonly #deps: FirstPagesDependencies;

  constructor(deps: FirstPagesDependencies) {
    this.#deps = deps;
  }

  /** @throws CarillonError HISTORY_UNAVAILABLE when what was missed can't be read now */
  async startFrom(channel: Channel, presented: Position | undefined, options: StartOptions): Promise<Start> {
    if (presented === undefined) return { position: channel.position!, recovery: undefined, entries: [] };
    const { epoch, seq } = channel.position!;
    // The channel may have messages that are still on their way to this gateway.
    if (presented.epoch !== epoch || presented.seq > seq) await this.#reach(channel);
    if (presented.epoch === channel.position!.epoch)
      return await this.#startInEpoch(channel, presented, options);
    return await this.#startInEndedEpoch(channel, presented, options);
  }

  /** Brings the channel to where the broker is. */
  async #reach(channel: Channel): Promise<void> {
    const reached = this.#deps.channels.catchUp(channel).then(() => true);
    if (!(await within(reached, FIRST_PAGE_PATIENCE_MS, false)) || channel.position === undefined)
      throw unavailable(channel);
  }

  async #startInEpoch(channel: Channel, presented: Position, options: StartOptions): Promise<Start> {
    const at = channel.position!;
    if (presented.seq > at.seq) return failed(at, 'position-ahead');
    const first = await this.#page(channel, presented, at.seq - presented.seq, options);
    if ('reason' in first) return failed(at, first.reason);
    // A new epoch may have begun while the first page was read.
    const now = channel.position!;
    if (now.epoch !== presented.epoch) return await this.#startInEndedEpoch(channel, presented, options);
    return {
      position: presented,
      recovery: { recovered: true, missed: now.seq - presented.seq },
      entries: first.entries,
    };
  }

  async #startInEndedEpoch(channel: Channel, presented: Position, options: StartOptions): Promise<Start> {
    const settled = this.#deps.channels.endedEpochs.settled(channel, channel.lineage, options.isWanted);
    const lineage = await within(settled, FIRST_PAGE_PATIENCE_MS, undefined);
    if (lineage === undefined) throw unavailable(channel);
    const missed = countAfter(lineage, presented);
    if (missed === undefined) return await this.#startAfterLoss(channel, presented, lineage, options);
    const page = await this.#page(channel, presented, missed, options);
    if ('reason' in page) return failed(channel.position!, page.reason);
    const { entries } = page;
    const left = lineage.before.slice(lineage.before.findLastIndex(({ epoch }) => epoch === presented.epoch));
    if (!left.some(({ isLossy }) => isLossy))
      return { position: presented, recovery: { recovered: true, missed }, entries };
    const told = left.map(({ epoch }) => epoch);
    return { ...failed(presented, 'epoch-changed'), entries, told };
  }

  /**
   * Recovery from a position that the broker has lost, or of an epoch that it doesn't know: everything after it
   * follows, and the client is told that more may be missing.
   */
  async #startAfterLoss(
    channel: Channel,
    presented: Position,
    lineage: Lineage,
    options: StartOptions,
  ): Promise<Start> {
    const isKnown = endOf(lineage, presented.epoch) !== undefined;
    const from = isKnown ? { epoch: epochAfter(lineage, presented.epoch)!, seq: 0 } : presented;
    const missed = countAfter(lineage, from) ?? 0;
    const page = await this.#page(channel, from, missed, options);
    if ('reason' in page) return failed(channel.position!, 'epoch-changed');
    const [first] = page.entries;
    const position = first === undefined ? from : before(first);
    // Missed messages can be counted only from the position where the subscription continues.
    if ((countAfter(lineage, position) ?? 0) > channel.policy.recoveryMaxMessages)
      return failed(channel.position!, 'epoch-changed');
    return { ...failed(position, 'epoch-changed'), entries: page.entries, told: [presented.epoch] };
  }

  /** The first missed messages; none when nothing was missed. */
  async #page(
    channel: Channel,
    presented: Position,
    missed: number,
    { forConsumer, isWanted }: StartOptions,
  ): Promise<MissedFrames> {
    const { policy } = channel;
    if (missed > policy.recoveryMaxMessages)
      return { reason: policy.recoveryMaxMessages === 0 ? 'history-disabled' : 'too-many-missed' };
    const page = await this.#read(channel, presented, isWanted);
    if ('reason' in page && page.reason === 'history-unavailable') throw unavailable(channel);
    if ('reason' in page || page.entries.length === 0) return page;
    const { header } = decodeRecord(page.entries[0]!.record);
    // [AK2] A consumer may have been away for as long as its messages are kept.
    const isTooOld = !forConsumer && this.#deps.nowMs() - header.timestamp > policy.recoveryWindowMs;
    return isTooOld ? { reason: 'window-exceeded' } : page;
  }

  async #read(channel: Channel, presented: Position, isWanted: () => boolean): Promise<MissedFrames> {
    const { catchingUp, channels } = this.#deps;
    const deadlineMs = performance.now() + FIRST_PAGE_PATIENCE_MS;
    for (let at = presented; ; ) {
      const { epoch, seq } = channel.position!;
      if (at.epoch === epoch && at.seq >= seq) return { entries: [] };
      // Others who have just come back may have missed the same.
      const recent = at.epoch === epoch ? channel.recentAfter(at.seq) : undefined;
      if (recent !== undefined) return { entries: recent };
      const from = at;
      const page = await channels.historyRetries.read(
        () =>
          from.epoch === epoch
            ? catchingUp.read(channel, epoch, from.seq + 1, seq)
            : catchingUp.step(channel, from, isWanted),
        { patienceMs: deadlineMs - performance.now(), isWanted },
      );
      if ('entries' in page) return page;
      if (!('to' in page)) {
        if (page.reason !== 'epoch-changed') return page;
        if (performance.now() > deadlineMs) return { reason: 'history-unavailable' };
        await pause(STEP_PAUSE_MS); // the channel is on its way to another epoch
      } else if (page.reason === undefined || page.reason === 'epoch-changed') at = page.to;
      else return { reason: page.reason };
    }
  }
}

/** The subscription is live all the same. */
function failed(position: Position, reason: NotRecoveredReason): Start {
  return { position, recovery: { recovered: false, reason }, entries: [] };
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
