import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** In a bundle the console lies beside it, in the sources where it is built. */
function consoleFolder(): string | undefined {
  const folders = [new URL('./console/', import.meta.url), new URL('../../console/dist/', import.meta.url)];
  return folders.map((folder) => fileURLToPath(folder)).find((folder) => existsSync(`${folder}index.html`));
}

export interface ConsoleConfig {
  readonly gatewayUrl: string;
  /** Development tokens by user. */
  readonly tokens?: Readonly<Record<string, string>>;
}

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/**
 * Names under which the page on this machine asks. A page from elsewhere could let a name of its own point here (DNS
 * rebinding) and would then be of the same origin: it gets no tokens.
 */
const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The console at `/`, and what it has to know at `/console-config.json`. `false`: the console isn't built. */
export async function registerConsole(server: FastifyInstance, config: ConsoleConfig): Promise<boolean> {
  server.get('/console-config.json', async (request, reply) => {
    reply.headers(SECURITY_HEADERS).header('cache-control', 'no-store');
    return LOCAL_NAMES.has(request.hostname) ? config : { gatewayUrl: config.gatewayUrl };
  });
  const root = consoleFolder();
  if (root === undefined) return false;
  await server.register(fastifyStatic, {
    root,
    // One route per file that exists: every other address keeps its coded 404.
    wildcard: false,
    setHeaders: (reply, path) => {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) reply.header(name, value);
      const hashed = path.includes('/assets/');
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  // A page that was built again while this process runs refers to files that were not there at the start.
  server.get('/assets/:file', (request, reply) =>
    reply.sendFile(`assets/${(request.params as { file: string }).file}`),
  );
  return true;
}
