import type { ConnectedFrame } from '@carillon/protocol';

/** Channels named in one frame: with the longest names and positions it stays far below the default frame limit of 64 KiB. */
const CHANNELS_PER_FRAME = 100;
/** What one channel takes in a frame, at most: a name of 200 characters, a consumer of 64, an epoch of 32, a seq, and the JSON around them. */
const MAX_CHANNEL_BYTES = 400;

/** [SU1] As many in a frame as the server takes. */
export function* inFrames<T>(
  items: readonly T[],
  limits: ConnectedFrame['limits'] | undefined,
): Iterable<readonly T[]> {
  const { maxChannelsPerFrame = CHANNELS_PER_FRAME, maxFrameBytes = Infinity } = limits ?? {};
  const bySize = Math.floor(maxFrameBytes / MAX_CHANNEL_BYTES);
  const count = Math.max(1, Math.min(CHANNELS_PER_FRAME, maxChannelsPerFrame, bySize));
  for (let i = 0; i < items.length; i += count) yield items.slice(i, i + count);
}
