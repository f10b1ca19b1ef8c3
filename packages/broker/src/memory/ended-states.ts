/** Epochs of a channel that have ended, because its journal may lack their last messages. */
import { laterEpoch } from '../epoch.ts';
import { type EndedEpoch, MAX_ENDED_EPOCHS } from '../lineage.ts';
import type { ChannelState, EndedState } from './channel-state.ts';
import { HistoryBuffer } from './history-buffer.ts';

/** State of a partition's ended epochs. */
export interface Settlement {
  readonly isSettled: boolean;
  /** Numbers of generations that began with a loss. */
  readonly lossy: ReadonlySet<number>;
}

/** The channel goes on in an epoch that follows all before it. Interest, producers, keys and the history of the old epoch stay. */
export function renewChannel(
  channel: ChannelState,
  {
    made,
    generation,
    wasSettled,
  }: { readonly made: string; readonly generation: number; readonly wasSettled: boolean },
): void {
  const { epoch, seq, history, ended } = channel;
  if (wasSettled) for (const one of ended) one.isSealed = true;
  addEnded(channel, { epoch, lastSeq: seq, isSealed: false, generation, history });
  channel.epoch = laterEpoch(epoch, made);
  channel.seq = 0;
  channel.journalHead = undefined;
  channel.history = new HistoryBuffer();
  channel.dedupe.beginGeneration();
}

export function addEnded(channel: ChannelState, ended: EndedState): void {
  channel.ended = [...channel.ended.slice(1 - MAX_ENDED_EPOCHS), ended];
}

export function findEnded({ ended }: ChannelState, epoch: string): EndedState | undefined {
  return ended.findLast((one) => one.epoch === epoch);
}

export function endedEpochs(
  ended: readonly EndedState[],
  { isSettled, lossy }: Settlement,
): readonly EndedEpoch[] {
  return ended.map(({ epoch, lastSeq, isSealed, generation }) => ({
    epoch,
    lastSeq,
    isFinal: isSealed || isSettled,
    isLossy: lossy.has(generation),
  }));
}

/** Is this place in the channel's line of epochs, and so not lost? */
export function isKept(
  channel: ChannelState,
  { epoch, seq }: { readonly epoch: string; readonly seq: number },
): boolean {
  return seq <= (epoch === channel.epoch ? channel.seq : (findEnded(channel, epoch)?.lastSeq ?? 0));
}
