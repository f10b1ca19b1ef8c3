import type { FastifyInstance, RouteOptions } from 'fastify';

interface Known {
  readonly path: RegExp;
  readonly methods: Set<string>;
}

/** Remembers which methods the addresses of a server take, to answer one that isn't taken with those that are. */
export function rememberMethods(server: FastifyInstance): (url: string) => readonly string[] {
  const known = new Map<string, Known>();
  server.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const entry = known.get(url) ?? { path: patternOf(url), methods: new Set<string>() };
    for (const name of [method].flat()) entry.methods.add(name);
    known.set(url, entry);
  });
  return (url) => {
    const path = url.split('?')[0]!;
    const matching = [...known.values()].filter((entry) => entry.path.test(path));
    return [...new Set(matching.flatMap(({ methods }) => [...methods]))].toSorted();
  };
}

/** `/v1/channels/:channel/messages` as an expression; a parameter is anything without a slash. */
function patternOf(url: string): RegExp {
  const escaped = url.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/:\w+/g, '[^/]+').replaceAll('*', '.*')}$`);
}
