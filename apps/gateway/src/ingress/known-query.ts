import { CarillonError } from '@carillon/protocol';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Parameters of the query that the route takes; default: none. */
    readonly query?: readonly string[];
  }
}

/** Of every route: a token may come there. */
const TOKEN_PARAMETERS: readonly string[] = ['token', 'access_token'];
const MAX_SHOWN_LENGTH = 64;

/**
 * Routes of the API take no parameters that they don't know: `?since=` was ignored and answered with the newest page, as if nothing had
 * been asked. A page of WebSockets may have parameters of the application.
 */
export function refuseUnknownParameters(server: FastifyInstance, websocketPath: string): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const { url, config } = request.routeOptions;
    if (url?.startsWith('/v1/') !== true || url === websocketPath) {
      done(null, payload);
      return;
    }
    const allowed = config.query ?? [];
    const unknown = Object.keys(request.query as object).find(
      (name) => !allowed.includes(name) && !TOKEN_PARAMETERS.includes(name),
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
