import type { OriginMatcher } from '@carillon/config';
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Adds the headers that all responses of the API have, whatever the route. */
export async function registerResponseHeaders(
  server: FastifyInstance,
  origins: OriginMatcher,
): Promise<void> {
  // Messages, positions, sessions: nothing that a shared cache may give to the next one who asks.
  server.addHook('onSend', async ({ url }, reply) => {
    if (url.startsWith('/v1/')) reply.header('cache-control', 'no-store');
  });
  await server.register(cors, {
    delegator: ({ headers: { origin, host } }, done) => done(null, corsFor(origins, origin, host)),
  });
}

function corsFor(
  origins: OriginMatcher,
  origin: string | undefined,
  host: string | undefined,
): FastifyCorsOptions {
  if (origin === undefined) return { origin: false };
  if (origins.allowsCredentials(origin, host)) return { origin: true, credentials: true };
  // `*` stands for pages that nobody has named: a browser sends them no cookies and no client certificates along.
  return { origin: origins.allows(origin, host) ? '*' : false, credentials: false };
}
