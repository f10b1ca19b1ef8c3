import { allows, type Identity } from '@carillon/auth';
import { sessionChannel, userChannel } from '@carillon/protocol';

/** An identity that reads a channel, with the session that it presented over WebSocket. */
export interface Reader {
  readonly identity: Identity;
  readonly session?: string | undefined;
}

/** [CH5] [CH6] By capability, or because the channel is the reader's own. */
export function mayRead(
  { identity, session }: Reader,
  action: 'subscribe' | 'history',
  channel: string,
): boolean {
  if (allows(identity.capabilities, action, channel)) return true;
  if (!channel.startsWith('#')) return false;
  const { userId } = identity;
  if (userId !== undefined && userChannel(userId) === channel) return true;
  return session !== undefined && sessionChannel(session) === channel;
}
