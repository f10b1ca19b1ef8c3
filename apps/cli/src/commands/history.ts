import type { HistoryQuery, HistoryReason, Position } from '@carillon/client';
import { CliError, usageError } from '../cli-error.ts';
import { COMMAND } from '../output/command-name.ts';
import { messageJson, messageText } from '../output/message-line.ts';
import { err, exitWhenReaderIsGone, note, print, wantsJson } from '../output/style.ts';
import { openClient } from '../target/open-client.ts';
import { resolveTarget, type TargetFlags } from '../target/resolve-target.ts';

export interface HistoryFlags extends TargetFlags {
  readonly json?: boolean;
  readonly limit: number;
  readonly after?: Position;
  readonly before?: Position;
}

const WHY: Readonly<Record<HistoryReason, string>> = {
  'epoch-changed':
    'the channel does not know the epoch of this position; messages after it are lost, or may be',
  'position-ahead': 'the channel has not reached this position',
};

/** Prints a page of a channel's history, oldest first. */
export async function history(channel: string, flags: HistoryFlags): Promise<void> {
  const { after, before, limit } = flags;
  if (after !== undefined && before !== undefined)
    throw usageError('--after and --before exclude each other');
  exitWhenReaderIsGone();
  const format = wantsJson(flags.json) ? messageJson : messageText;
  const query: HistoryQuery = { limit, ...(after && { after }), ...(before && { before }) };
  const client = await openClient(resolveTarget(flags), () => undefined);
  try {
    const { messages, more, reason } = await client.history(channel, query);
    // Without --after the server answers newest first; on a screen the newest belongs at the bottom.
    const chronological = after === undefined ? messages.toReversed() : messages;
    for (const message of chronological) print(format(message));
    if (reason !== undefined) note(err.yellow(`${reason}: ${WHY[reason]}`));
    const first = chronological[0];
    const last = chronological.at(-1);
    if (first === undefined || last === undefined) note(err.dim(`${channel} has no messages here`));
    else if (more) {
      const next =
        after === undefined ? `--before ${first.epoch}:${first.seq}` : `--after ${last.epoch}:${last.seq}`;
      note(err.dim(`there are more: ${COMMAND} history ${channel} ${next}`));
    }
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    throw new CliError(`${message} (${code})`, { cause: error });
  } finally {
    client.close();
  }
}
