import {
  CAPABILITY_ACTIONS,
  type CapabilitiesClaim,
  type CapabilityAction,
  capabilityPatternFault,
  MAX_CAPABILITY_PATTERNS,
} from '@carillon/protocol';
import { type ChannelPattern, compilePattern } from './channel-pattern.ts';
import { shown, TokenError } from './token-error.ts';

/** Compiled capabilities: what {@link allows} looks at. */
export interface Capabilities {
  /** Set of actions (bits) by exact channel name. */
  readonly exact: ReadonlyMap<string, number>;
  readonly wildcards: readonly {
    readonly pattern: string;
    readonly matches: ChannelPattern;
    readonly actions: number;
  }[];
}

const BITS: Readonly<Record<CapabilityAction, number>> = {
  subscribe: 1,
  publish: 2,
  presence: 4,
  history: 8,
  control: 16,
  request: 32,
  answer: 64,
};

/** Nothing is allowed. */
export const NO_CAPABILITIES: Capabilities = Object.freeze({ exact: new Map(), wildcards: [] });

/** Everything on every channel but the system's own, e.g. for development tokens. */
export const ALL_CAPABILITIES: CapabilitiesClaim = Object.freeze({ '*': CAPABILITY_ACTIONS });

function refuse(reason: string): never {
  throw new TokenError('TOKEN_CLAIM_INVALID', `The claim capabilities ${reason}.`);
}

function actionBits(pattern: string, actions: unknown): number {
  const allowed = CAPABILITY_ACTIONS.join(', ');
  if (!Array.isArray(actions)) refuse(`has no list of actions for ${shown(pattern)}; allowed: ${allowed}`);
  let bits = 0;
  for (const action of actions) {
    if (typeof action !== 'string' || !Object.hasOwn(BITS, action)) {
      refuse(`has the action ${shown(action)} for ${shown(pattern)}; allowed: ${allowed}`);
    }
    bits |= BITS[action as CapabilityAction];
  }
  return bits;
}

/**
 * Checks and compiles a capabilities claim: `{ "chat:*": ["subscribe", "publish"] }`.
 *
 * @throws {TokenError} TOKEN_CLAIM_INVALID, naming the pattern or action that is wrong.
 */
export function compileCapabilities(claim: unknown): Capabilities {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) {
    refuse('is not an object of channel patterns to lists of actions');
  }
  const entries = Object.entries(claim);
  if (entries.length > MAX_CAPABILITY_PATTERNS) {
    refuse(`has ${entries.length} patterns; allowed are ${MAX_CAPABILITY_PATTERNS}`);
  }
  const exact = new Map<string, number>();
  const wildcards: { pattern: string; matches: ChannelPattern; actions: number }[] = [];
  for (const [pattern, list] of entries) {
    const fault = capabilityPatternFault(pattern);
    if (fault !== undefined) refuse(`has a pattern, ${shown(pattern)}, that ${fault}`);
    const actions = actionBits(pattern, list);
    if (pattern.includes('*')) wildcards.push({ pattern, matches: compilePattern(pattern), actions });
    else exact.set(pattern, actions);
  }
  return { exact, wildcards };
}

/** May `action` be done on `channel`? */
export function allows(capabilities: Capabilities, action: CapabilityAction, channel: string): boolean {
  const bit = BITS[action];
  if (((capabilities.exact.get(channel) ?? 0) & bit) !== 0) return true;
  for (const { matches, actions } of capabilities.wildcards) {
    if ((actions & bit) !== 0 && matches(channel)) return true;
  }
  return false;
}

/** The patterns of channels on which `action` is allowed, at most 256. */
export function patternsAllowing(
  { exact, wildcards }: Capabilities,
  action: CapabilityAction,
): readonly string[] {
  const bit = BITS[action];
  return [
    ...[...exact].filter(([, actions]) => (actions & bit) !== 0).map(([channel]) => channel),
    ...wildcards.filter(({ actions }) => (actions & bit) !== 0).map(({ pattern }) => pattern),
  ];
}
