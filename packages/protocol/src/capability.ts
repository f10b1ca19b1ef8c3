/**
 * Actions that a token may allow on a channel or, for `request` and `answer`, on a method; and the form of the
 * `capabilities` claim: channel patterns to actions, e.g. `{ "chat:*": ["subscribe", "publish"], "news": ["subscribe"]
 * }`. `*` in a pattern matches any run of characters.
 */
import { channelNameFault, MAX_CHANNEL_NAME_LENGTH } from './channel-name.ts';

export const CAPABILITY_ACTIONS = [
  'subscribe',
  'publish',
  'presence',
  'history',
  'control',
  'request',
  'answer',
] as const;

export type CapabilityAction = (typeof CAPABILITY_ACTIONS)[number];

/** The `capabilities` claim as it stands in a token or in a setting. */
export type CapabilitiesClaim = { readonly [pattern: string]: readonly CapabilityAction[] };

/** Most patterns in one claim: checking a permission looks at each of them in the worst case. */
export const MAX_CAPABILITY_PATTERNS = 256;

/** Most `*` in one pattern. */
export const MAX_CAPABILITY_WILDCARDS = 8;

/** Fault of a channel pattern, for people; `undefined` when it is valid. */
export function capabilityPatternFault(pattern: string): string | undefined {
  const stars = pattern.split('*').length - 1;
  if (stars > MAX_CAPABILITY_WILDCARDS) return `has more than ${MAX_CAPABILITY_WILDCARDS} *`;
  const fault = channelNameFault(pattern.replaceAll('*', 'x'));
  if (fault === 'empty') return 'is empty';
  if (fault === 'too-long') return `is longer than ${MAX_CHANNEL_NAME_LENGTH} characters`;
  if (fault === 'bad-character') return 'has a character that no channel name has';
  // Names with # belong to the system; a pattern may name them, but only by starting with # itself.
  return undefined;
}
