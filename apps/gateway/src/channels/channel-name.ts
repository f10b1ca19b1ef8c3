import type { ChannelKey } from '@carillon/broker';

/** `app/channel`, the name inside the installation. Apps hold no slash. */
export function channelKey(app: string, channel: string): ChannelKey {
  return `${app}/${channel}`;
}

/** The name that clients use. */
export function channelName(key: ChannelKey): string {
  return key.slice(key.indexOf('/') + 1);
}
