import { DEFAULT_NAMESPACE } from '@carillon/protocol';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { explainIssues, json } from './kinds.ts';
import { duration, wholeNumber } from './member-kinds.ts';
import type { Kind } from './setting.ts';

/** How much hot history a channel keeps in Redis (or in memory). */
export interface HistoryPolicy {
  /** 1..100000 messages per channel. */
  readonly maxMessages: number;
  /** Since the channel's newest message, in milliseconds: 1 s..30 d. */
  readonly ttlMs: number;
}

/** Policy of all channels of a namespace. */
export interface NamespacePolicy {
  /** `default` also stands for every namespace without a policy of its own: safe as a metric label. */
  readonly name: string;
  /** No history, not stored, lowest latency. Then `durable` is false and `history` absent. */
  readonly ephemeral: boolean;
  /** Messages are stored in Postgres. */
  readonly durable: boolean;
  readonly history: HistoryPolicy | undefined;
  /** A client that was away longer is not recovered. 0: never recovered. At most `history.ttlMs`. */
  readonly recoveryWindowMs: number;
  /** A client that missed more is not recovered. At most `history.maxMessages`, unless messages are stored. */
  readonly recoveryMaxMessages: number;
  /** How long messages stay in Postgres; 0 when not durable. */
  readonly retentionMs: number;
  /** Newest messages of a channel that stay in Postgres; `undefined`: as many as are young enough. */
  readonly retentionMaxMessages?: number | undefined;
  /** Messages that a consumer doesn't acknowledge for this long are sent again. 0: no acknowledgements. */
  readonly ackTimeoutMs: number;
}

const DAY_MS = 86_400_000;
const NAMESPACE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** Most namespaces of an installation. */
const MAX_NAMESPACES = 1000;

/** Defaults of a namespace that is neither ephemeral nor set otherwise. */
export const NAMESPACE_DEFAULTS = {
  historyMaxMessages: 1000,
  historyTtlMs: DAY_MS,
  recoveryWindowMs: 300_000,
  recoveryMaxMessages: 1000,
  retentionMs: 7 * DAY_MS,
} as const;

const historySchema = z.strictObject({
  maxMessages: wholeNumber(1, 100_000).optional(),
  ttlMs: duration(1000, 30 * DAY_MS).optional(),
});

const definitionSchema = z.strictObject({
  ephemeral: z.boolean().optional(),
  durable: z.boolean().optional(),
  history: z.union([z.literal('none'), z.literal(false), historySchema]).optional(),
  recoveryWindowMs: duration(0, 30 * DAY_MS).optional(),
  recoveryMaxMessages: wholeNumber(0, 100_000).optional(),
  retentionMs: duration(1000, 3650 * DAY_MS).optional(),
  retentionMaxMessages: wholeNumber(1, 1_000_000).optional(),
  ackTimeoutMs: duration(100, DAY_MS).optional(),
});

type Definition = z.infer<typeof definitionSchema>;

/** A namespace as it is written in `CARILLON_NAMESPACES`; everything may be left out. */
export interface NamespaceDefinition {
  readonly ephemeral?: boolean | undefined;
  readonly durable?: boolean | undefined;
  readonly history?:
    | 'none'
    | false
    | { readonly maxMessages?: number | undefined; readonly ttlMs?: number | string | undefined }
    | undefined;
  readonly recoveryWindowMs?: number | string | undefined;
  readonly recoveryMaxMessages?: number | undefined;
  readonly retentionMs?: number | string | undefined;
  readonly retentionMaxMessages?: number | undefined;
  readonly ackTimeoutMs?: number | string | undefined;
}

export type NamespaceDefinitions = Readonly<Record<string, NamespaceDefinition>>;

function ephemeralPolicy(name: string, definition: Definition): NamespacePolicy | string {
  for (const member of [
    'durable',
    'history',
    'recoveryWindowMs',
    'recoveryMaxMessages',
    'retentionMs',
    'retentionMaxMessages',
    'ackTimeoutMs',
  ] as const) {
    const value = definition[member];
    const isOff = value === undefined || value === false || value === 'none' || value === 0;
    if (!isOff) return `ephemeral namespaces keep nothing, so ${member} can't be set`;
  }
  return {
    name,
    ephemeral: true,
    durable: false,
    history: undefined,
    recoveryWindowMs: 0,
    recoveryMaxMessages: 0,
    retentionMs: 0,
    ackTimeoutMs: 0,
  };
}

/** Hot history keeps nothing longer than the retention does: what has to go has to go everywhere. */
function historyOf({ history, durable = true, ...definition }: Definition): HistoryPolicy | undefined {
  if (history === 'none' || history === false) return undefined;
  const { retentionMs = NAMESPACE_DEFAULTS.retentionMs, retentionMaxMessages = Infinity } = definition;
  const maxMessages = history?.maxMessages ?? NAMESPACE_DEFAULTS.historyMaxMessages;
  const ttlMs = history?.ttlMs ?? NAMESPACE_DEFAULTS.historyTtlMs;
  if (!durable) return { maxMessages, ttlMs };
  return {
    maxMessages: Math.min(maxMessages, retentionMaxMessages),
    ttlMs: definition.retentionMs === undefined ? ttlMs : Math.min(ttlMs, retentionMs),
  };
}

/** How long and how many messages a policy can give back: from hot history, and from Postgres when it is durable. */
function reach(
  history: HistoryPolicy | undefined,
  retentionMs: number,
  durable: boolean,
  retentionMaxMessages = 100_000,
) {
  const hotMs = history?.ttlMs ?? 0;
  return {
    ms: Math.max(hotMs, retentionMs),
    messages: durable ? Math.min(100_000, retentionMaxMessages) : (history?.maxMessages ?? 0),
    counted: durable ? 'retentionMaxMessages' : 'history.maxMessages',
    text: durable ? `the retention (${retentionMs} ms)` : `history.ttlMs (${hotMs} ms)`,
  };
}

/** The complete policy, or what is contradictory. Values not given are fitted to those that are. */
function completePolicy(name: string, definition: Definition): NamespacePolicy | string {
  if (definition.ephemeral === true) return ephemeralPolicy(name, definition);
  const durable = definition.durable ?? true;
  for (const member of ['retentionMs', 'retentionMaxMessages'] as const)
    if (!durable && definition[member] !== undefined) return `${member} needs durable: true`;
  const history = historyOf(definition);
  const retentionMs = durable ? (definition.retentionMs ?? NAMESPACE_DEFAULTS.retentionMs) : 0;
  if (definition.ackTimeoutMs !== undefined && history === undefined && !durable)
    return 'ackTimeoutMs needs history or durable: true: what is sent again has to be kept';
  const limit = reach(history, retentionMs, durable, definition.retentionMaxMessages);
  const windowMs = definition.recoveryWindowMs ?? Math.min(NAMESPACE_DEFAULTS.recoveryWindowMs, limit.ms);
  if (windowMs > limit.ms) return `recoveryWindowMs (${windowMs}) is longer than ${limit.text}`;
  const messages =
    definition.recoveryMaxMessages ?? Math.min(NAMESPACE_DEFAULTS.recoveryMaxMessages, limit.messages);
  if (messages > limit.messages) {
    return `recoveryMaxMessages (${messages}) is more than ${limit.counted} (${limit.messages})`;
  }
  return {
    name,
    ephemeral: false,
    durable,
    history,
    recoveryWindowMs: windowMs,
    recoveryMaxMessages: messages,
    retentionMs,
    retentionMaxMessages: definition.retentionMaxMessages,
    ackTimeoutMs: definition.ackTimeoutMs ?? 0,
  };
}

const policiesSchema = z
  .record(z.string(), definitionSchema)
  .transform((definitions, context): readonly NamespacePolicy[] => {
    const entries = Object.entries(definitions);
    const fault = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: name === '' ? [] : [name], message });
    if (entries.length > MAX_NAMESPACES) fault('', `more than ${MAX_NAMESPACES} namespaces`);
    const policies: NamespacePolicy[] = [];
    for (const [name, definition] of entries) {
      if (!NAMESPACE_NAME.test(name)) fault(name, 'a namespace is 1..64 characters of A-Z a-z 0-9 _ . -');
      const policy = completePolicy(name, definition);
      if (typeof policy === 'string') fault(name, policy);
      else policies.push(Object.freeze(policy));
    }
    if (!Object.hasOwn(definitions, DEFAULT_NAMESPACE)) {
      const policy = completePolicy(DEFAULT_NAMESPACE, {});
      if (typeof policy !== 'string') policies.push(Object.freeze(policy));
    }
    return policies;
  });

/** `CARILLON_NAMESPACES`: JSON, checked and completed. The result always has a policy named `default`. */
export const namespacesKind: Kind<readonly NamespacePolicy[]> = {
  ...json(
    policiesSchema as unknown as z.ZodType<readonly NamespacePolicy[]>,
    'JSON object of namespace policies',
  ),
  format: () => 'one namespace, default',
};

/**
 * Completes namespace definitions given in code, as `CARILLON_NAMESPACES` is completed.
 *
 * @throws {ConfigError} when a definition is wrong or contradicts itself.
 */
export function namespacePolicies(definitions: NamespaceDefinitions = {}): readonly NamespacePolicy[] {
  const result = policiesSchema.safeParse(definitions);
  if (result.success) return result.data;
  throw new ConfigError([
    {
      variables: ['CARILLON_NAMESPACES'],
      message: `the namespaces are wrong: ${explainIssues(result.error)}`,
    },
  ]);
}
