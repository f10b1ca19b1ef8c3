import { makeEpoch } from '../epoch.ts';
import type { ChannelKey } from '../ports.ts';
import { DedupeWindow } from './dedupe.ts';
import { HistoryBuffer } from './history-buffer.ts';

/** Everything about one channel. */
export interface ChannelState {
  readonly key: ChannelKey;
  readonly epoch: string;
  seq: number;
  readonly history: HistoryBuffer;
  readonly dedupe: DedupeWindow;
  /** Gateways that want the channel. */
  readonly interest: Set<string>;
  /** Id of the newest route entry while the channel is in the routed lane, else `undefined`. */
  lastRouted: number | undefined;
  usedAtMs: number;
  /** How often it was told that the channel is occupied or vacated: odd means told as occupied. */
  told: number;
}

export function newChannel(
  key: ChannelKey,
  nowMs: number,
  position = { epoch: makeEpoch(nowMs), seq: 0 },
): ChannelState {
  return {
    key,
    epoch: position.epoch,
    seq: position.seq,
    history: new HistoryBuffer(),
    dedupe: new DedupeWindow(),
    interest: new Set(),
    lastRouted: undefined,
    usedAtMs: nowMs,
    told: 0,
  };
}
