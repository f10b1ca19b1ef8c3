import type { IncomingHttpHeaders } from 'node:http';
import type { OriginMatcher } from '@carillon/config';
import { CarillonError } from '@carillon/protocol';
import type { ClientSocket } from './address-group.ts';
import type { ClientSockets } from './client-sockets.ts';
import type { Intake } from './intake.ts';

/** A client that wants to become a WebSocket, before it does. */
export interface AdmissionRequest {
  readonly headers: IncomingHttpHeaders;
  readonly client: ClientSocket;
}

/** Why the client is not taken; `undefined`: it is. Runs for every connection, so it waits for nothing. */
export type AdmissionCheck = (request: AdmissionRequest) => CarillonError | undefined;

export interface AdmissionDependencies {
  readonly sockets: ClientSockets;
  readonly origins: OriginMatcher;
  readonly intake: Intake;
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number };
}

/** The checks before an upgrade, in their order. The first refusal counts. */
export function admissionChecks(deps: AdmissionDependencies): readonly AdmissionCheck[] {
  return [servingCheck(deps), originCheck(deps), addressCheck(deps), capacityCheck(deps)];
}

export function firstRefusal(
  checks: readonly AdmissionCheck[],
  request: AdmissionRequest,
): CarillonError | undefined {
  for (const check of checks) {
    const refusal = check(request);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function servingCheck({ intake }: AdmissionDependencies): AdmissionCheck {
  return () => intake.refusal();
}

function originCheck({ origins }: AdmissionDependencies): AdmissionCheck {
  return ({ headers: { origin, host } }) =>
    origin === undefined || origins.allows(origin, host)
      ? undefined
      : new CarillonError(
          'ORIGIN_REFUSED',
          `Pages of ${origin} may not connect: add this origin to CARILLON_ALLOWED_ORIGINS.`,
        );
}

function addressCheck({ sockets, limits }: AdmissionDependencies): AdmissionCheck {
  return ({ client }) =>
    sockets.isAboveAddressLimit(client) ? addressLimit(client, limits.maxConnectionsPerAddress) : undefined;
}

export function addressLimit({ group }: ClientSocket, limit: number): CarillonError {
  return new CarillonError(
    'ADDRESS_LIMIT',
    `${group.key} has ${limit} connections, as many as one address may have here. If this is a proxy, name it in CARILLON_TRUSTED_PROXIES.`,
    { retryAfterMs: 5000 },
  );
}

function capacityCheck({ sockets, limits }: AdmissionDependencies): AdmissionCheck {
  return () => (sockets.isFull ? atCapacity(limits.maxConnections) : undefined);
}

export function atCapacity(limit: number): CarillonError {
  return new CarillonError(
    'AT_CAPACITY',
    `This gateway has ${limit} connections, which is its limit. Try again, another gateway may take you.`,
    { retryAfterMs: 5000 },
  );
}
