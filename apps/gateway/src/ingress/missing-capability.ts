import { type CapabilityAction, CarillonError } from '@carillon/protocol';

/** @param deed with the channel's name, e.g. `publish on chat:lobby` */
export function missingCapability(deed: string, action: CapabilityAction, channel: string): CarillonError {
  // Who has `*` believes to have this one.
  const notMeant = channel.startsWith('#')
    ? ' Only a pattern that begins with # matches it, * does not.'
    : '';
  return new CarillonError(
    'PERMISSION_DENIED',
    `The token does not allow to ${deed}: it needs the capability ${action} for this channel.${notMeant}`,
  );
}
