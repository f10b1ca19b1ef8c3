/**
 * Bundles one service into a folder that needs nothing but Node:
 *   node infra/docker/bundle.mjs <service> <output folder>
 * Files that the code reads at run time (Lua scripts, SQL migrations, the console's page) are copied beside the bundle, where
 * the code's own `new URL('./...', import.meta.url)` finds them.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PORTS = { gateway: 8080, admin: 8081, router: 8082, persistence: 8083 };

const [service, output] = process.argv.slice(2);
if (!Object.hasOwn(PORTS, service) || output === undefined) {
  process.stderr.write(`usage: bundle.mjs <${Object.keys(PORTS).join('|')}> <output folder>\n`);
  process.exit(2);
}
const out = resolve(output);
mkdirSync(out, { recursive: true });

// esbuild is a dependency of the CLI's workspace tools, not of the root.
const { build } = await import(createRequire(join(ROOT, 'packages/e2e/package.json')).resolve('esbuild'));

const entries = { main: join(ROOT, `apps/${service}/src/main.ts`) };
const migrate = join(ROOT, `apps/${service}/src/migrate.ts`);
if (existsSync(migrate)) entries.migrate = migrate;

await build({
  entryPoints: entries,
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: 'linked',
  // Optional or development-only: loaded by name when asked for, never in an image.
  external: ['pg-native', 'pino-pretty', '@electric-sql/pglite', '@electric-sql/pglite-socket'],
  // CommonJS packages inside an ES module bundle call require().
  banner: { js: "import { createRequire as carillonCreateRequire } from 'node:module'; const require = carillonCreateRequire(import.meta.url);" },
  logLevel: 'warning',
});

const runtimeFiles = [
  ['packages/broker/src/redis/scripts', 'scripts', true],
  ['packages/db/migrations', 'migrations', service === 'persistence' || service === 'admin'],
  ['packages/db/src/migrations', 'migrations', service === 'persistence' || service === 'admin'],
  ['apps/console/dist', 'console', service === 'admin'],
];
for (const [from, to, wanted] of runtimeFiles) {
  if (wanted && existsSync(join(ROOT, from))) cpSync(join(ROOT, from), join(out, to), { recursive: true });
}

writeFileSync(
  join(out, 'healthcheck.mjs'),
  `const response = await fetch('http://127.0.0.1:${PORTS[service]}/health').catch(() => undefined);\nprocess.exit(response?.ok ? 0 : 1);\n`,
);
process.stdout.write(`${service} bundled into ${out}\n`);
