import type { FastifyInstance } from 'fastify';

/** What is served, as `<method> <path>` with parameters in braces; filled as routes are added after this. */
export function servedRoutes(server: FastifyInstance): readonly string[] {
  const routes: string[] = [];
  server.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) {
      // HEAD comes with every GET, OPTIONS with CORS.
      if (name !== 'HEAD' && name !== 'OPTIONS')
        routes.push(`${name.toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    }
  });
  return routes;
}
