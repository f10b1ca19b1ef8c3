import { channelNameFault } from '@carillon/protocol';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { address, endpointName, endpointsKind, faults, secrets } from './endpoint-parts.ts';
import { duration, wholeNumber } from './member-kinds.ts';
import type { Kind, Parsed } from './setting.ts';

/** An HTTP endpoint that answers requests, complete. */
export interface ResponderEndpoint {
  /** Stands for the endpoint in logs and metrics. */
  readonly name: string;
  readonly url: string;
  readonly methods: readonly string[];
  readonly apps: readonly string[];
  /** Each signs: receivers change from one to the next without a gap. */
  readonly secrets: readonly string[];
  /** Longest time for one answer, if the request has not less. */
  readonly timeoutMs: number;
  /** Requests under way at the same time, per process of persistence. */
  readonly concurrency: number;
  /** A longer answer is refused. */
  readonly maxAnswerBytes: number;
}

const MAX_ENDPOINTS = 100;
const MAX_METHODS = 128;
const MIB = 1024 * 1024;

const method = z
  .string()
  .refine(
    (given) => channelNameFault(given) === undefined && !given.startsWith('#'),
    'is no name of a method',
  );

const definitionSchema = z.strictObject({
  name: endpointName,
  url: address,
  methods: z.array(method).min(1).max(MAX_METHODS),
  apps: z
    .array(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/))
    .min(1)
    .default(['default']),
  secrets,
  timeoutMs: duration(100, 300_000).default(10_000),
  concurrency: wholeNumber(1, 1000).default(16),
  maxAnswerBytes: wholeNumber(1, MIB).default(65_536),
});

/** An endpoint as it is written in `CARILLON_RESPONDERS`. */
export type ResponderDefinition = z.input<typeof definitionSchema>;

const endpointsSchema = z
  .array(definitionSchema)
  .max(MAX_ENDPOINTS)
  .superRefine((endpoints, context) => {
    const names = new Set<string>();
    const answered = new Set<string>();
    endpoints.forEach(({ name, apps, methods }, i) => {
      if (names.has(name))
        context.addIssue({ code: 'custom', path: [i, 'name'], message: `"${name}" is there twice` });
      names.add(name);
      for (const key of apps.flatMap((app) => methods.map((one) => `${app}/${one}`))) {
        if (answered.has(key))
          context.addIssue({ code: 'custom', path: [i, 'methods'], message: `"${key}" is answered twice` });
        answered.add(key);
      }
    });
  });

function complete(given: unknown): Parsed<readonly ResponderEndpoint[]> {
  const result = endpointsSchema.safeParse(given);
  return result.success ? { value: result.data } : { fault: faults(result.error) };
}

/** `CARILLON_RESPONDERS`: JSON array of endpoints, checked and completed. */
export const respondersKind: Kind<readonly ResponderEndpoint[]> = endpointsKind(
  'JSON array of endpoints that answer requests',
  complete,
);

/**
 * Completes endpoints given in code, as `CARILLON_RESPONDERS` is completed.
 *
 * @throws {ConfigError} naming every fault.
 */
export function responderEndpoints(
  definitions: readonly ResponderDefinition[],
): readonly ResponderEndpoint[] {
  const result = complete(definitions);
  if ('value' in result) return result.value;
  throw new ConfigError([
    { variables: ['CARILLON_RESPONDERS'], message: `the responders are wrong: ${result.fault}` },
  ]);
}
