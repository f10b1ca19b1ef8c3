import type { Message, RealtimeClient } from '@carillon/client';

/** Callbacks of a channel's pane. */
export interface Following {
  /** Once: what was said before, oldest first. */
  readonly onHistory: (messages: readonly Message[]) => void;
  readonly onMessage: (message: Message) => void;
  readonly onProblem: (text: string) => void;
}

const HISTORY_LIMIT = 40;

/** Shows what was said before, and goes on from there without a hole. */
export async function followChannel(
  client: RealtimeClient,
  channel: string,
  following: Following,
): Promise<void> {
  const before = await readHistory(client, channel, following);
  if (client.state === 'closed') return;
  const newest = before.at(-1);
  if (newest === undefined) return await followEmptyChannel(client, channel, following);
  following.onHistory(before);
  const { epoch, seq } = newest;
  client.subscribe(channel, following.onMessage, { position: { epoch, seq } });
}

/** There is no position to go on from: what was said until the subscription was there is read behind it. */
async function followEmptyChannel(
  client: RealtimeClient,
  channel: string,
  following: Following,
): Promise<void> {
  const { onHistory, onMessage, onProblem } = following;
  let held: Message[] | undefined = [];
  const subscription = client.subscribe(channel, (message) => {
    if (held === undefined) onMessage(message);
    else held.push(message);
  });
  try {
    await subscription.ready();
  } catch (error) {
    if (client.state !== 'closed') onProblem((error as Error).message);
    return;
  }
  const first = await readHistory(client, channel, following);
  const read = new Set(first.map(({ epoch, seq }) => `${epoch}:${seq}`));
  onHistory(first);
  const live = held.filter(({ epoch, seq }) => !read.has(`${epoch}:${seq}`));
  held = undefined;
  for (const message of live) onMessage(message);
}

/** Oldest first. */
async function readHistory(
  client: RealtimeClient,
  channel: string,
  { onProblem }: Following,
): Promise<readonly Message[]> {
  try {
    const { messages } = await client.history(channel, { limit: HISTORY_LIMIT });
    return messages.toReversed();
  } catch (error) {
    if (client.state !== 'closed') onProblem(`no history: ${(error as Error).message}`);
    return [];
  }
}
