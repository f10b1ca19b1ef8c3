/** Channels of the system. Rules [CH3], [CH5]-[CH7] of SPEC.md. */

/** Every connection of an app gets what is published here. */
export const SYSTEM_CHANNEL = '#system';

/** Event of a notice for people on {@link SYSTEM_CHANNEL}. */
export const SYSTEM_NOTIFICATION_EVENT = 'SystemNotification';

/** Payload of such a notice. */
export interface SystemNotification {
  readonly level: 'info' | 'warning' | 'critical';
  readonly text: string;
}

const USER_PREFIX = '#user:';
const SESSION_PREFIX = '#session:';
const SESSION_ID = /^[A-Za-z0-9_-]{16,64}$/;
const MAX_NAME_LENGTH = 200;
/** Matches characters of a channel name that have to be escaped; `~` begins an escape. */
const NOT_PLAIN = /[^A-Za-z0-9_\-.:@#/=+,]/gu;

/** Is `text` a session's id: 16 to 64 letters, digits, `_` or `-`? */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/**
 * The personal channel of a user: `#user:` and the id, in which other characters than those of a channel name stand as `~` and
 * two hexadecimal digits per byte of UTF-8. `undefined` when that is longer than a channel name may be.
 */
export function userChannel(userId: string): string | undefined {
  const name = USER_PREFIX + userId.replaceAll(NOT_PLAIN, escaped);
  return userId === '' || name.length > MAX_NAME_LENGTH ? undefined : name;
}

function escaped(char: string): string {
  const bytes = new TextEncoder().encode(char);
  return Array.from(bytes, (byte) => `~${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** The channel of one session; who knows the session's id can be told from who doesn't. */
export function sessionChannel(session: string): string {
  return SESSION_PREFIX + session;
}

/** Is a name that begins with `#` one of those above? */
export function isSystemChannel(name: string): boolean {
  if (name === SYSTEM_CHANNEL) return true;
  if (name.startsWith(SESSION_PREFIX)) return isSessionId(name.slice(SESSION_PREFIX.length));
  return name.startsWith(USER_PREFIX) && name.length > USER_PREFIX.length;
}
