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
  /** User of these publishes: `null` for an anonymous client; absent when it was never connected. */
  readonly user?: string | null;
  /** [PU8] Producers of an anonymous client belong to it; absent when there is a user. */
  readonly session?: string;
  readonly positions: readonly SavedPosition[];
  readonly queue: readonly SavedPublish[];
}

/** Members that parts of the client contribute to a saved state. */
export type StateParts = Pick<SavedState, 'user' | 'session' | 'positions' | 'queue'>;

export function writeState(parts: StateParts, last: boolean, nowMs: number): string {
  const state: SavedState = { version: VERSION, savedAtMs: nowMs, last, ...parts };
  return JSON.stringify(state);
}

/** With `discarded` the state must not be used; it is there for the application to be told, when it could be read. */
export function readState(
  text: string,
  maxAgeMs: number,
  nowMs: number,
): { readonly state?: SavedState; readonly discarded?: DiscardReason } {
  let value: Loose<SavedState> | null | undefined;
  try {
    value = JSON.parse(text);
  } catch {
    // Nothing was read: said below.
  }
  const { version = VERSION } = value ?? {};
  if (version !== VERSION) return { discarded: 'other-version' };
  const state = value ?? {};
  if (!isState(state)) return { discarded: 'corrupt' };
  // A clock that was set back makes the age meaningless.
  return Math.abs(nowMs - state.savedAtMs) > maxAgeMs ? { discarded: 'too-old', state } : { state };
}

type Loose<T> = { readonly [Name in keyof T]?: unknown };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isText = (value: unknown): value is string => typeof value === 'string';

function isState(value: Loose<SavedState>): value is SavedState {
  const { savedAtMs, last, user, session, positions, queue } = value;
  if (!isCount(savedAtMs) || typeof last !== 'boolean') return false;
  if (user !== undefined && user !== null && !isText(user)) return false;
  if (session !== undefined && !isText(session)) return false;
  return (
    Array.isArray(positions) && positions.every(isPosition) && Array.isArray(queue) && queue.every(isPublish)
  );
}

function isPosition(value: Loose<SavedPosition> | null): boolean {
  const { channel, epoch, seq, atMs, ids } = value ?? {};
  return isText(channel) && isText(epoch) && isCount(seq) && isCount(atMs) && isTexts(ids);
}

function isPublish(value: Loose<SavedPublish> | null): boolean {
  const { channel, members, producer, seq, prev, firstSentAtMs } = value ?? {};
  return (
    isText(channel) &&
    isMembers(members) &&
    isText(producer) &&
    isCount(seq) &&
    isCount(prev) &&
    (firstSentAtMs === undefined || isCount(firstSentAtMs))
  );
}

/** The text becomes part of a frame unchanged: it must be members of one object, and nothing else. */
function isMembers(value: unknown): boolean {
  if (!isText(value) || !value.startsWith(',"payload":')) return false;
  try {
    JSON.parse(`{${value.slice(1)}}`);
    return true;
  } catch {
    return false;
  }
}
