import { messageFrame } from '@carillon/protocol';
import { errorFrame, toCarillonError } from '../egress/server-frames.ts';
import { textFrame } from '../egress/text-frame.ts';
import type { Handler } from './handlers.ts';

/** [HI1] Payloads go out as they were published: the answer is joined, not re-encoded. */
export const onHistory: Handler<'history'> = async (
  { readHistory },
  connection,
  { id, channel, after, before, limit },
) => {
  try {
    const { entries, more } = await readHistory.read(
      { identity: connection.identity!, session: connection.session },
      { channel, after, before, limit },
    );
    const messages = entries.map(({ epoch, seq, record }) => messageFrame(channel, epoch, seq, record));
    connection.sendFrame(
      textFrame(
        `{"type":"history","re":${JSON.stringify(id)},"channel":"${channel}","messages":[${messages.join(',')}],"more":${more}}`,
      ),
    );
  } catch (error) {
    connection.sendFrame(errorFrame(toCarillonError(error), id));
  }
};
