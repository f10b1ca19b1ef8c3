/**
 * What a token may allow on a channel, and the form of the `capabilities` claim: channel patterns to actions, e.g.
 * `{ "chat:*": ["subscribe", "publish"], "news": ["subscribe"] }`. `*` in a pattern matches any run of characters.
 */
export const CAPABILITY_ACTIONS = ['subscribe', 'publish', 'presence', 'history'] as const;

export type CapabilityAction = (typeof CAPABILITY_ACTIONS)[number];

/** The `capabilities` claim as it stands in a token or in a setting. */
export type CapabilitiesClaim = { readonly [pattern: string]: readonly CapabilityAction[] };

/** Most patterns in one claim: checking a permission looks at each of them in the worst case. */
export const MAX_CAPABILITY_PATTERNS = 256;

/** Most `*` in one pattern. */
export const MAX_CAPABILITY_WILDCARDS = 8;
