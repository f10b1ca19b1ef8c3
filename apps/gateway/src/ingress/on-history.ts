import { HistoryFrames } from '../egress/frame.ts';
import { errorFrame, toCarillonError } from '../egress/server-frames.ts';
import type { Handler } from './frame-handlers.ts';

/** [HI1] Payloads go out as they were published: the answer is joined, not re-encoded. */
export const onHistory: Handler<'history'> = async (
  { readHistory },
  connection,
  { id, channel, after, before, limit },
) => {
  try {
    const answer = await readHistory.read(
      { identity: connection.identity!, session: connection.session },
      { channel, after, before, limit },
    );
    connection.sendFrame(new HistoryFrames(id, channel, answer));
  } catch (error) {
    connection.sendFrame(errorFrame(toCarillonError(error), id));
  }
};
