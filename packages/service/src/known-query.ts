import { CarillonError } from '@carillon/protocol';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Parameters of the query that the route takes; default: none. */
    readonly query?: readonly string[];
  }
}

const MAX_SHOWN_LENGTH = 64;

export interface KnownQueryOptions {
  /** Parameters of every route, e.g. those in which a token may come. */
  readonly everywhere?: readonly string[];
  /** A route below `/v1/` that may have parameters of the application. */
  readonly exceptAt?: string;
}

/**
 * Routes below `/v1/` take no parameters that they don't know: `?since=` was ignored and answered with the newest page, as if nothing had
 * been asked. Covers the routes of `server` that are registered after it, and of its plugins.
 */
export function refuseUnknownParameters(
  server: FastifyInstance,
  { everywhere = [], exceptAt }: KnownQueryOptions = {},
): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const { url, config } = request.routeOptions;
    if (url?.startsWith('/v1/') !== true || url === exceptAt) {
      done(null, payload);
      return;
    }
    const allowed = config.query ?? [];
    const unknown = Object.keys(request.query as object).find(
      (name) => !allowed.includes(name) && !everywhere.includes(name),
    );
    if (unknown === undefined) done(null, payload);
    else done(unknownParameter(unknown, allowed));
  });
}

function unknownParameter(name: string, allowed: readonly string[]): CarillonError {
  const known = allowed.length === 0 ? 'there is none' : `allowed: ${allowed.join(', ')}`;
  return new CarillonError(
    'QUERY_INVALID',
    `${JSON.stringify(name.slice(0, MAX_SHOWN_LENGTH))} is no parameter of this address; ${known}.`,
  );
}
