/**
 * Channel names. Rule [CH1]-[CH4] of SPEC.md.
 *
 * A name is `namespace:rest` or a bare `rest` (namespace `default`). The alphabet leaves out white space, quotes
 * and control characters so that a name is safe in a URL path segment, a log line and a Redis key.
 */

import { isSystemChannel } from './system-channel.ts';

/** Longest channel name, in characters. All allowed characters are ASCII, so also in bytes. */
export const MAX_CHANNEL_NAME_LENGTH = 200;

/** The characters that a channel name may hold, as shown to people in errors. */
export const CHANNEL_NAME_ALPHABET = 'A-Z a-z 0-9 _ - . : @ # / = + , ~';

/** Namespace of a channel whose name has no colon. */
export const DEFAULT_NAMESPACE = 'default';

const ALLOWED = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:@#/=+,~') {
  ALLOWED[char.charCodeAt(0)] = 1;
}

/** Why a channel name is refused. */
export type ChannelNameFault = 'not-a-string' | 'empty' | 'too-long' | 'bad-character' | 'reserved';

/**
 * Says why `name` is not a channel name, or `undefined` when it is one.
 * Names starting with `#` are reserved for the system, see system-channel.ts.
 */
export function channelNameFault(name: unknown): ChannelNameFault | undefined {
  if (typeof name !== 'string') return 'not-a-string';
  if (name.length === 0) return 'empty';
  if (name.length > MAX_CHANNEL_NAME_LENGTH) return 'too-long';
  for (let i = 0; i < name.length; i++) {
    if (ALLOWED[name.charCodeAt(i)] !== 1) return 'bad-character';
  }
  return name.charCodeAt(0) === 35 && !isSystemChannel(name) ? 'reserved' : undefined;
}

/** The namespace of a channel: the part before the first colon, else {@link DEFAULT_NAMESPACE}. */
export function namespaceOf(channel: string): string {
  const colon = channel.indexOf(':');
  return colon <= 0 ? DEFAULT_NAMESPACE : channel.slice(0, colon);
}
