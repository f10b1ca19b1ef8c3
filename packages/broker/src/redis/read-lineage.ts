/** How the scripts write the state of a channel (include/generation.lua, include/state.lua). */
import { type EndedEpoch, type Lineage, NOTHING_BEFORE } from '../lineage.ts';

/** Head of a reply with states. */
export interface Settlement {
  /** Generations that began with a loss. */
  readonly lossy: string;
  readonly isSettled: boolean;
  /** See {@link Lineage}. */
  readonly emptySinceMs: number;
  readonly generation: string;
  /** Number of the last generation in which the database was compared; 0: none. */
  readonly settledOrdinal: number;
}

/** Entries in a reply before the states. */
const SETTLEMENT_ITEMS = 6;
/** Items of one state. */
const STATE_ITEMS = 3;

/** @param idleTtlMs the state of a channel lives for at least so long after its last message */
export function readSettlement(
  [lossy, settled, raisedAtMs, nowMs, generation, lastSettled]: readonly unknown[],
  idleTtlMs: number,
): Settlement {
  return {
    lossy: String(lossy),
    isSettled: Number(settled) === 1,
    emptySinceMs: Math.max(Number(raisedAtMs), Number(nowMs) - idleTtlMs),
    generation: String(generation),
    settledOrdinal: ordinalOf(String(lastSettled)),
  };
}

/** The state that begins at item `at` of a reply. @returns `undefined` for a channel without a state */
export function readLineage(
  settlement: Settlement,
  reply: readonly unknown[],
  at: number = SETTLEMENT_ITEMS,
): Lineage | undefined {
  const epoch = reply[at];
  const before = reply[at + 2];
  if (epoch === '') return undefined;
  const { emptySinceMs, isSettled, generation } = settlement;
  return {
    epoch: String(epoch),
    seq: Number(reply[at + 1]),
    before: before === '' ? NOTHING_BEFORE : readEnded(settlement, String(before)),
    emptySinceMs,
    isSettled,
    generation,
  };
}

/** The states of a whole reply, in the order of the channels that were asked for. */
export function readLineages(reply: readonly unknown[], idleTtlMs: number): readonly (Lineage | undefined)[] {
  const settlement = readSettlement(reply, idleTtlMs);
  const states: (Lineage | undefined)[] = [];
  for (let at = SETTLEMENT_ITEMS; at < reply.length; at += STATE_ITEMS)
    states.push(readLineage(settlement, reply, at));
  return states;
}

function readEnded({ lossy, settledOrdinal }: Settlement, list: string): readonly EndedEpoch[] {
  const lossyGenerations = new Set(lossy.split(','));
  return list.split(',').map((text) => {
    const [epoch = '', lastSeq, ending = ''] = text.split(':');
    const isSealed = ending.endsWith('!');
    const generation = isSealed ? ending.slice(0, -1) : ending;
    return {
      epoch,
      lastSeq: Number(lastSeq),
      isFinal: isSealed || ordinalOf(generation) <= settledOrdinal,
      isLossy: lossyGenerations.has(generation),
    };
  });
}

/** Generations are numbered in the order in which they followed each other. */
function ordinalOf(generation: string): number {
  return Number.parseInt(generation, 10) || 0;
}
