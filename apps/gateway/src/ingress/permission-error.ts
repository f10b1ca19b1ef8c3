import type { Identity } from '@carillon/auth';
import { type CapabilityAction, CarillonError } from '@carillon/protocol';

/** The refused operation; its name is that of a channel or of a method. */
export type RefusedDeed = readonly [
  deed: string,
  action: CapabilityAction,
  on: { readonly channel: string } | { readonly method: string } | 'some channel',
];

/** @param deed a gerund with the name, e.g. `publishing to chat:lobby` */
export function permissionError(
  { userId }: Pick<Identity, 'userId'>,
  ...[deed, action, on]: RefusedDeed
): CarillonError {
  const place = on === 'some channel' ? on : 'method' in on ? 'this method' : 'this channel';
  // `*` does not match system channels, a common mistake.
  const isForSystem = on !== 'some channel' && 'channel' in on && on.channel.startsWith('#');
  const notMeant = isForSystem ? ' Only a pattern that begins with # matches it, * does not.' : '';
  return new CarillonError(
    'PERMISSION_DENIED',
    userId === undefined
      ? `There is no token, and without one ${deed} is not allowed: send a token with the capability ${action} for ${place}.${notMeant}`
      : `The token does not allow ${deed}: it needs the capability ${action} for ${place}.${notMeant}`,
  );
}
