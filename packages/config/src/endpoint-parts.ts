/** Shared by webhook and responder endpoints. */
import { z } from 'zod';
import type { Kind, Parsed } from './setting.ts';

const MAX_FAULTS = 20;

export const endpointName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1..64 characters of A-Z a-z 0-9 _ . -');

export const secrets = z.array(z.string().min(16, 'expected at least 16 characters').max(512)).min(1).max(4);

export const address = z.string().superRefine((given, context) => {
  const fault = addressFault(given);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

function addressFault(given: string): string | undefined {
  if (!URL.canParse(given)) return 'expected an absolute URL';
  const { protocol, username, password, hash } = new URL(given);
  if (protocol !== 'https:' && protocol !== 'http:') return 'expected https:// or http://';
  if (username !== '' || password !== '') return 'a name and password in the URL are not sent';
  return hash === '' ? undefined : 'a fragment is not sent';
}

/** All faults; zod's texts name members and what is expected, never the values: some are secrets. */
export function faults(error: z.ZodError): string {
  const all = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  const more = all.length > MAX_FAULTS ? [`and ${all.length - MAX_FAULTS} more`] : [];
  return [...all.slice(0, MAX_FAULTS), ...more].join('; ');
}

/** JSON array of endpoints, checked and completed. */
export function endpointsKind<Endpoint>(
  allowed: string,
  complete: (given: unknown) => Parsed<readonly Endpoint[]>,
): Kind<readonly Endpoint[]> {
  return {
    allowed,
    format: (endpoints) => (endpoints.length === 0 ? '[]' : `${endpoints.length} endpoints`),
    parse: (given) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(given);
      } catch {
        // V8 quotes a piece of the text, in which a secret may stand.
        return { fault: 'it is not JSON' };
      }
      return complete(parsed);
    },
  };
}
