import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { address, endpointName, endpointsKind, faults, secrets } from './endpoint-parts.ts';
import { duration, wholeNumber } from './member-kinds.ts';
import type { Kind, Parsed } from './setting.ts';

/** Event types of webhook endpoints. */
export const WEBHOOK_EVENTS = [
  'message.published',
  'channel.occupied',
  'channel.vacated',
  'client.connected',
  'client.disconnected',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Where events are delivered to, complete. */
export interface WebhookEndpoint {
  /** Stands for the endpoint in deliveries, logs and metrics. */
  readonly name: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** `undefined`: all. */
  readonly apps: readonly string[] | undefined;
  /** `undefined`: all. */
  readonly namespaces: readonly string[] | undefined;
  /** Each signs: receivers change from one to the next without a gap. */
  readonly secrets: readonly string[];
  /** Deliveries of a channel one after the other, in the order of its messages. */
  readonly ordered: boolean;
  /** Longest time for one attempt. */
  readonly timeoutMs: number;
  /** Times a delivery is tried, the first included. */
  readonly attempts: number;
  /** Longest delay before the second attempt, doubled with each further one; a random part, at least half, is waited. */
  readonly backoffMs: number;
  /** Bound of the doubled delay. */
  readonly maxBackoffMs: number;
  /** A delivery that waited longer is dead, whatever attempts are left. */
  readonly maxAgeMs: number;
  /** Of more deliveries that wait, the oldest are dead. */
  readonly maxPending: number;
  /** Deliveries under way at the same time, per worker. */
  readonly concurrency: number;
}

const MAX_ENDPOINTS = 100;
const DAY_MS = 86_400_000;

const definitionSchema = z.strictObject({
  name: endpointName,
  url: address,
  events: z.array(z.enum(WEBHOOK_EVENTS)).min(1),
  apps: z.array(z.string().min(1).max(64)).min(1).optional(),
  namespaces: z.array(z.string().min(1).max(64)).min(1).optional(),
  secrets,
  ordered: z.boolean().default(false),
  timeoutMs: duration(100, 60_000).default(10_000),
  attempts: wholeNumber(1, 100).default(10),
  backoffMs: duration(10, 3_600_000).default(1000),
  maxBackoffMs: duration(10, DAY_MS).default(3_600_000),
  maxAgeMs: duration(1000, 7 * DAY_MS).default(DAY_MS),
  maxPending: wholeNumber(1, 10_000_000).default(100_000),
  concurrency: wholeNumber(1, 100).default(8),
});

/** An endpoint as it is written in `CARILLON_WEBHOOKS`. */
export type WebhookDefinition = z.input<typeof definitionSchema>;

const endpointsSchema = z
  .array(definitionSchema)
  .max(MAX_ENDPOINTS)
  .superRefine((endpoints, context) => {
    const names = new Set<string>();
    endpoints.forEach(({ name, backoffMs, maxBackoffMs, timeoutMs, maxAgeMs }, i) => {
      if (names.has(name))
        context.addIssue({ code: 'custom', path: [i, 'name'], message: `"${name}" is there twice` });
      names.add(name);
      if (maxBackoffMs < backoffMs)
        context.addIssue({ code: 'custom', path: [i, 'maxBackoffMs'], message: 'is below backoffMs' });
      if (maxAgeMs < timeoutMs)
        context.addIssue({ code: 'custom', path: [i, 'maxAgeMs'], message: 'is below timeoutMs' });
    });
  });

function complete(given: unknown): Parsed<readonly WebhookEndpoint[]> {
  const result = endpointsSchema.safeParse(given);
  if (!result.success) return { fault: faults(result.error) };
  return {
    value: result.data.map((endpoint) => ({
      ...endpoint,
      apps: endpoint.apps,
      namespaces: endpoint.namespaces,
    })),
  };
}

/** `CARILLON_WEBHOOKS`: JSON array of endpoints, checked and completed. */
export const webhooksKind: Kind<readonly WebhookEndpoint[]> = endpointsKind(
  'JSON array of webhook endpoints',
  complete,
);

/**
 * Completes endpoints given in code, as `CARILLON_WEBHOOKS` is completed.
 *
 * @throws {ConfigError} naming every fault.
 */
export function webhookEndpoints(definitions: readonly WebhookDefinition[]): readonly WebhookEndpoint[] {
  const result = complete(definitions);
  if ('value' in result) return result.value;
  throw new ConfigError([
    { variables: ['CARILLON_WEBHOOKS'], message: `the webhooks are wrong: ${result.fault}` },
  ]);
}
