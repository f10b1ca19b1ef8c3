/** All services in this process, on the memory broker and PGlite. */
import { existsSync } from 'node:fs';
import type { ConsoleConfig } from '@carillon/admin';
import type { Broker } from '@carillon/broker';
import type { Database } from '@carillon/db';
import type { JobsBackend } from '@carillon/jobs';
import type { Fingerprints, Service } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { DevConfig } from '../config.ts';
import { err, note } from '../output/style.ts';
import type { DataDir } from './data-dir.ts';
import { drainLog } from './drain.ts';
import { startBroker } from './start-broker.ts';
import type { Timings } from './timings.ts';

const DRAIN_TIMEOUT_MS = 10_000;

export interface Installation {
  /** In the order of their start. */
  readonly services: readonly Service[];
  /** Of the process. */
  readonly telemetry: Telemetry;
  /** After all services have stopped. */
  readonly afterStop: () => Promise<void>;
}

export interface ComposeOptions {
  readonly config: DevConfig;
  readonly version: string;
  /** Of the settings. */
  readonly fingerprints: Fingerprints;
  readonly dataDir: DataDir;
  readonly timings: Timings;
  /** Configuration served to the console's page. */
  readonly console: ConsoleConfig;
  /** Resolves when the start is over: what it can do without comes after it. */
  readonly started: Promise<unknown>;
}

export async function compose(options: ComposeOptions): Promise<Installation> {
  const { config, dataDir, timings, fingerprints } = options;
  // The database takes longest; the other modules are loaded meanwhile.
  const opening = openDatabase(options);
  opening.catch(() => undefined); // awaited below, after what is loaded in between
  const [broker, telemetryOf] = await Promise.all([makeBroker(options), telemetryFactory(options)]);
  const [gateway, router] = await Promise.all([
    timings.measure('gateway', async () => {
      const { createGateway } = await import('@carillon/gateway');
      return createGateway({
        telemetry: telemetryOf('gateway'),
        broker,
        fingerprints,
        config: { ...config, listener: config.gateway },
      });
    }),
    timings.measure('router', async () => {
      const { createRouter } = await import('@carillon/router');
      return createRouter({ ...config.routing, broker, fingerprints, telemetry: telemetryOf('router') });
    }),
  ]);
  const [{ createPersistence }, { createAdmin }] = await Promise.all([
    timings.measure('persistence', () => import('@carillon/persistence')),
    timings.measure('admin', () => import('@carillon/admin')),
  ]);
  const telemetry = telemetryOf('persistence');
  const { database, connection } = await opening;
  // PGlite has one search path, and BullMQ makes its tables there.
  const jobs: JobsBackend = { kind: 'postgres', connection, schema: 'public' };
  const persistence = createPersistence({
    telemetry,
    broker,
    database,
    settings: config.persistence,
    namespaces: config.namespaces,
    webhooks: config.webhooks,
    retention: { jobs, opensAfter: options.started },
    appliesMigrations: true,
    fingerprints,
  });
  const admin = await createAdmin({
    telemetry: telemetryOf('admin'),
    database,
    jobs,
    jobsOpenAfter: options.started,
    broker,
    fingerprints,
    listener: config.admin,
    token: config.adminApi.token,
    console: options.console,
  });
  await startBroker(broker, dataDir);
  return {
    services: [persistence, drainBefore(persistence, broker, telemetry), router, admin, gateway],
    telemetry,
    afterStop: () => finish({ broker, database }),
  };
}

async function openDatabase({ dataDir, timings, config, version }: ComposeOptions) {
  const [{ openPglite }, telemetryOf] = await Promise.all([
    timings.measure('database module', () => import('@carillon/db')),
    telemetryFactory({ config, version }),
  ]);
  if (!existsSync(dataDir.database)) note(err.dim('Making the database; later starts are faster.'));
  return timings.measure('database', () =>
    openPglite({ dataDir: dataDir.database }, telemetryOf('database')),
  );
}

async function makeBroker({ config, dataDir, timings }: ComposeOptions): Promise<Broker> {
  const { createMemoryBroker } = await timings.measure('broker', () => import('@carillon/broker'));
  const journal = {
    folder: dataDir.journal,
    fsync: config.singleProcess.journalFsync,
    onMayLackEnd: (reason: string) =>
      note(
        `The journal may lack the messages that were accepted last: ${reason}. Channels go on in new epochs, and clients that have more are told.`,
      ),
  };
  return createMemoryBroker({ limits: config.routing, journal });
}

async function telemetryFactory({ config, version }: Pick<ComposeOptions, 'config' | 'version'>) {
  const { createTelemetry } = await import('@carillon/telemetry');
  const { nodeId, logLevel, logFormat } = config.process;
  return (service: string): Telemetry =>
    createTelemetry({
      service,
      instanceId: nodeId,
      version,
      levels: logLevel,
      format: logFormat,
      otel: config.otel,
      processMetrics: service === 'gateway',
    });
}

/** Stopped before `persistence`, when nothing is published any more. */
function drainBefore(persistence: Service, broker: Broker, telemetry: Telemetry): Service {
  return {
    name: 'drain',
    health: persistence.health,
    start: async () => undefined,
    stop: async () => {
      if (await drainLog(broker, DRAIN_TIMEOUT_MS)) return;
      telemetry.logger.warn('some accepted messages are not stored yet: the next start stores them');
    },
  };
}

interface Remains {
  readonly broker: Broker;
  readonly database: Database;
}

async function finish({ broker, database }: Remains): Promise<void> {
  await broker.stop();
  await database.close();
}
