import type { ConnectedFrame } from '@carillon/protocol';

/**
 * Channels named in one frame: with the longest names and positions it stays far below the default frame limit of 64 KiB. Together with
 * `connect` no more are asked for, in smaller frames.
 */
export const CHANNELS_PER_FRAME = 100;
/**
 * Upper bound of one channel in a frame: a name of 200 characters, a consumer of 64, an epoch of 32, a seq, and the
 * JSON around them.
 */
const MAX_CHANNEL_BYTES = 400;

type FrameLimits = Pick<ConnectedFrame['limits'], 'maxChannelsPerFrame' | 'maxFrameBytes'>;

/** [CN8] What every server takes, for as long as its own limits aren't known: it is 10 channels. */
const EVERY_SERVER: FrameLimits = { maxFrameBytes: 4_096 };

/** [SU1] As many in a frame as the server takes. */
export function* inFrames<T>(
  items: readonly T[],
  { maxChannelsPerFrame = CHANNELS_PER_FRAME, maxFrameBytes }: FrameLimits = EVERY_SERVER,
): Iterable<readonly T[]> {
  const bySize = Math.floor(maxFrameBytes / MAX_CHANNEL_BYTES);
  const count = Math.max(1, Math.min(CHANNELS_PER_FRAME, maxChannelsPerFrame, bySize));
  for (let i = 0; i < items.length; i += count) yield items.slice(i, i + count);
}
