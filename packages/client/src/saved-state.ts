import type { Position } from '@carillon/protocol';

const VERSION = 1;

/** Why a saved state was not used. */
export type DiscardReason = 'corrupt' | 'other-version' | 'too-old' | 'other-user';

/** A publish without an outcome. Times are milliseconds since 1970. */
export interface SavedPublish {
  readonly channel: string;
  readonly members: string;
  readonly producer: string;
  readonly seq: number;
  readonly prev: number;
  /** Absent: it was never sent. */
  readonly firstSentAtMs?: number;
}

export interface SavedPosition extends Position {
  readonly channel: string;
  /** When it was where the channel stood. */
  readonly atMs: number;
  /** Ids of the last messages handed over. */
  readonly ids: readonly string[];
}

export interface SavedState {
  readonly version: typeof VERSION;
  readonly savedAtMs: number;
  /** The page had ended: nothing was sent after this was saved. */
  readonly last: boolean;
  /** Whose publishes these are: `null` for an anonymous client; absent when it was never connected. */
  readonly user?: string | null;
  readonly positions: readonly SavedPosition[];
  readonly queue: readonly SavedPublish[];
}

/** What of a state its parts contribute. */
export type StateParts = Pick<SavedState, 'user' | 'positions' | 'queue'>;

export function writeState(parts: StateParts, last: boolean, nowMs: number): string {
  const state: SavedState = { version: VERSION, savedAtMs: nowMs, last, ...parts };
  return JSON.stringify(state);
}

export function readState(
  text: string,
  maxAgeMs: number,
  nowMs: number,
): { readonly state: SavedState } | { readonly discarded: DiscardReason } {
  let value: Partial<Record<keyof SavedState, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return { discarded: 'corrupt' };
  }
  if (typeof value !== 'object' || value === null) return { discarded: 'corrupt' };
  if (value.version !== VERSION) return { discarded: 'other-version' };
  if (!isState(value)) return { discarded: 'corrupt' };
  // A clock that was set back makes the age meaningless.
  return Math.abs(nowMs - value.savedAtMs) > maxAgeMs ? { discarded: 'too-old' } : { state: value };
}

type Loose<T> = { readonly [Name in keyof T]?: unknown };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isText = (value: unknown): value is string => typeof value === 'string';

function isState(value: Loose<SavedState>): value is SavedState {
  const { savedAtMs, last, user, positions, queue } = value;
  if (!isCount(savedAtMs) || typeof last !== 'boolean') return false;
  if (user !== undefined && user !== null && !isText(user)) return false;
  return (
    Array.isArray(positions) && positions.every(isPosition) && Array.isArray(queue) && queue.every(isPublish)
  );
}

function isPosition(value: Loose<SavedPosition> | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (
    isText(value.channel) &&
    isText(value.epoch) &&
    isCount(value.seq) &&
    isCount(value.atMs) &&
    isTexts(value.ids)
  );
}

function isPublish(value: Loose<SavedPublish> | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { channel, members, producer, seq, prev, firstSentAtMs } = value;
  return (
    isText(channel) &&
    isMembers(members) &&
    isText(producer) &&
    isCount(seq) &&
    isCount(prev) &&
    (firstSentAtMs === undefined || isCount(firstSentAtMs))
  );
}

/** It becomes part of a frame as it is: so it must be members of one object, and nothing else. */
function isMembers(value: unknown): boolean {
  if (!isText(value) || !value.startsWith(',"payload":')) return false;
  try {
    JSON.parse(`{${value.slice(1)}}`);
    return true;
  } catch {
    return false;
  }
}
