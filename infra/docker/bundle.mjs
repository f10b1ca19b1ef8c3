/**
 * Bundles one service into a folder that needs nothing but Node:
 *   node infra/docker/bundle.mjs <service> <output folder>
 * Files that the code reads at run time (Lua scripts, SQL migrations, the console's page) are copied beside the bundle, where
 * the code's own `new URL('./...', import.meta.url)` finds them.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPTS = ['packages/broker/src/redis/scripts', 'scripts'];
const MIGRATIONS = ['packages/db/migrations', 'migrations'];
const CONSOLE = ['apps/console/dist', 'console'];

/** Port, programs and files of each service. */
const SERVICES = {
  gateway: { port: 8080, programs: ['main'], files: [SCRIPTS] },
  admin: { port: 8081, programs: ['main'], files: [CONSOLE] },
  router: { port: 8082, programs: ['main'], files: [SCRIPTS] },
  // No image: the tarball of tooling/pack-cli.mjs.
  cli: { port: 8080, programs: ['main'], files: [SCRIPTS, MIGRATIONS, CONSOLE] },
  persistence: { port: 8083, programs: ['main', 'migrate'], files: [SCRIPTS, MIGRATIONS] },
};

/**
 * Some modules load packages late, through createRequire. esbuild sees only `require('...')`, so that name is put there:
 * the packages come into the bundle and are still not run before they are asked for.
 */
const lateLoads = {
  name: 'late loads',
  setup({ onLoad }) {
    onLoad({ filter: /packages[\\/]telemetry[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!source.includes('const load = createRequire(import.meta.url);')) return undefined;
      const contents = source
        .replace('const load = createRequire(import.meta.url);', '')
        .replaceAll(/\bload\((?=\s*')/g, 'require(');
      return { contents, loader: 'ts' };
    });
  },
};

const [name, output] = process.argv.slice(2);
if (!Object.hasOwn(SERVICES, name) || output === undefined) {
  process.stderr.write(`usage: bundle.mjs <${Object.keys(SERVICES).join('|')}> <output folder>\n`);
  process.exit(2);
}
const service = SERVICES[name];
const out = resolve(output);
mkdirSync(out, { recursive: true });

// The root itself does not depend on esbuild.
const { build } = await import(createRequire(join(ROOT, 'packages/e2e/package.json')).resolve('esbuild'));
await build({
  entryPoints: service.programs.map((program) => join(ROOT, `apps/${name}/src/${program}.ts`)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // Two classes of one name would be told apart by a number, and people would read of a DatabaseError3.
  keepNames: true,
  sourcemap: 'linked',
  // Stack traces need names and lines only.
  sourcesContent: false,
  plugins: [lateLoads],
  // Never used in an image: pg's native variant, and the embedded database of single-process mode.
  external: ['pg-native', '@electric-sql/pglite', '@electric-sql/pglite-socket'],
  // CommonJS packages inside an ES module bundle call require().
  banner: {
    js: "import { createRequire as carillonCreateRequire } from 'node:module'; const require = carillonCreateRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

if (service.files.includes(CONSOLE))
  execFileSync('pnpm', ['--dir', join(ROOT, 'apps/console'), 'run', 'build'], { stdio: 'inherit' });
for (const [from, to] of service.files) cpSync(join(ROOT, from), join(out, to), { recursive: true });
copyFileSync(fileURLToPath(new URL('./healthcheck.mjs', import.meta.url)), join(out, 'healthcheck.mjs'));
writeFileSync(join(out, 'service.json'), `${JSON.stringify({ service: name, port: service.port })}\n`);
process.stdout.write(`${name} bundled into ${out}\n`);
