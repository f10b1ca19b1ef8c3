import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { ConsoleConfig } from '@carillon/admin';
import { ConfigError, settingsFingerprints } from '@carillon/config';
import { CliError } from '../cli-error.ts';
import { type DevConfig, readCliEnvironment, readDevConfig } from '../config.ts';
import { banner, websocketUrl } from '../dev/banner.ts';
import { adminTokenOf, type DataDir, jwtSecretOf, openDataDir } from '../dev/data-dir.ts';
import { anyFreePort, checkPorts } from '../dev/free-ports.ts';
import { Timings } from '../dev/timings.ts';
import { err, note, print } from '../output/style.ts';
import { ownIdentity } from '../process-identity.ts';
import { DEFAULT_DATA_DIR, removeDevState, writeDevState } from '../target/dev-state.ts';

const DAY_MS = 86_400_000;

export interface DevFlags {
  readonly timings?: boolean;
}

/** Runs all services in this process until Ctrl-C. */
export async function dev(flags: DevFlags): Promise<void> {
  const timings = new Timings();
  const dataDir = openDataDir(readCliEnvironment().dataDir ?? DEFAULT_DATA_DIR);
  process.once('exit', () => dataDir.release());
  const { config: given, warnings, unused, effective } = loadSettings(dataDir);
  const config = await withRealPorts(given);
  await timings.measure('ports', () => checkPorts(wantedPorts(config)));
  const version = readVersion();
  // Loaded this late because the settings decide whether it is needed at all, and the database begins to open at once.
  const { compose } = await import('../dev/compose.ts');
  const { promise: started, resolve: endOfStart } = Promise.withResolvers<void>();
  const installation = await compose({
    config: openToConsole(config),
    version,
    fingerprints: settingsFingerprints(effective),
    dataDir,
    timings,
    started,
    console: await consoleConfig(config),
  });
  const { telemetry, services, afterStop } = installation;
  for (const warning of warnings) telemetry.logger.warn(warning);
  const { runServices } = await import('@carillon/service');
  await timings.measure('start', () =>
    runServices(services, {
      telemetry,
      shutdownTimeoutMs: config.process.shutdownTimeoutMs,
      stopsOnHangup: true,
      afterStop: async () => {
        removeDevState(dataDir.path);
        await afterStop();
      },
    }),
  );
  const readyAfterMs = timings.nowMs;
  announce(config, dataDir);
  print(banner({ ...(await facts(config, dataDir, unused)), version, readyAfterMs }));
  if (flags.timings) timings.print();
  endOfStart();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => note(err.dim('Stopping. Messages and positions are kept.')));
  }
}

function loadSettings(dataDir: DataDir) {
  try {
    return readDevConfig(
      () => jwtSecretOf(dataDir),
      () => adminTokenOf(dataDir),
    );
  } catch (cause) {
    if (cause instanceof ConfigError) throw new CliError(cause.message, { cause });
    throw cause;
  }
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function withRealPorts(config: DevConfig): Promise<DevConfig> {
  const settle = async <Listener extends DevConfig['gateway']>(listener: Listener): Promise<Listener> =>
    listener.port === 0 ? { ...listener, port: await anyFreePort(listener.host) } : listener;
  return { ...config, gateway: await settle(config.gateway), admin: await settle(config.admin) };
}

function wantedPorts({ gateway, admin }: DevConfig) {
  return [
    { name: 'gateway', ...gateway, variable: 'CARILLON_GATEWAY_PORT' },
    { name: 'admin service', ...admin, variable: 'CARILLON_ADMIN_PORT' },
  ];
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

/** Development tokens go to the page only when admin listens on loopback: everybody who can load the page can read them. */
async function consoleConfig(config: DevConfig): Promise<ConsoleConfig> {
  const { secret } = config.auth;
  const gatewayUrl = config.adminApi.publicGatewayUrl ?? websocketUrl(urlsOf(config).gatewayUrl);
  if (secret === undefined || !LOOPBACK.has(config.admin.host)) return { gatewayUrl };
  const { consoleTokens } = await import('../dev/console-tokens.ts');
  return { gatewayUrl, tokens: await consoleTokens(secret) };
}

/** The console is served from the port of admin, so for the gateway it is another origin. */
function openToConsole(config: DevConfig): DevConfig {
  const { host, port } = config.admin;
  const hosts = new Set(['127.0.0.1', 'localhost', shownHost(host)]);
  const origins = [...hosts].map((name) => `http://${name}:${port}`);
  return { ...config, edge: { ...config.edge, allowedOrigins: [...config.edge.allowedOrigins, ...origins] } };
}

/** An address that a browser on this machine can use. */
function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function urlsOf({ gateway, admin, edge }: DevConfig) {
  return {
    gatewayUrl: `${edge.tls === undefined ? 'http' : 'https'}://${shownHost(gateway.host)}:${gateway.port}`,
    adminUrl: `http://${shownHost(admin.host)}:${admin.port}`,
  };
}

/** Tells the other commands on this machine. */
function announce(config: DevConfig, dataDir: DataDir): void {
  const { secret } = config.auth;
  const jwtSecret = secret === undefined ? {} : { jwtSecret: secret };
  const { token: adminToken } = config.adminApi;
  writeDevState(dataDir.path, {
    process: ownIdentity(),
    ...urlsOf(config),
    ...jwtSecret,
    ...(adminToken !== undefined && { adminToken }),
  });
}

async function facts(config: DevConfig, dataDir: DataDir, unused: readonly string[]) {
  const { gatewayUrl, adminUrl } = urlsOf(config);
  const shownDir = relative(process.cwd(), dataDir.path) || '.';
  return {
    gatewayUrl,
    consoleUrl: adminUrl,
    dataDir: shownDir.startsWith('..') ? dataDir.path : `${shownDir}/`,
    token: await devToken(config),
    commandPrefix: shownDir === DEFAULT_DATA_DIR ? '' : `CARILLON_DATA_DIR=${dataDir.path} `,
    notes: unused.map(
      (name) => `${name} is set, and not used in this mode: it has its own broker and database.`,
    ),
  };
}

async function devToken({ auth: { secret } }: DevConfig): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  const [{ mintToken }, { EVERYTHING }] = await Promise.all([
    import('@carillon/server'),
    import('../target/everything.ts'),
  ]);
  return mintToken({ secret, userId: 'dev', capabilities: EVERYTHING, expiresInMs: DAY_MS });
}
