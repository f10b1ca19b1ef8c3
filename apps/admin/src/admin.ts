import { once } from 'node:events';
import type { Broker, ControlNode } from '@carillon/broker';
import { type Database, pendingMigrations } from '@carillon/db';
import { createQueues, type JobsBackend, type Queues } from '@carillon/jobs';
import {
  addControlNode,
  createHttpServer,
  type Fingerprints,
  type Listener,
  listening,
  nodeName,
  type Part,
  refuseUnknownParameters,
  registerOpsRoutes,
  type Service,
  ServiceShell,
} from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import { registerDeadLetters } from './dead-letters-routes.ts';
import { registerJobs } from './jobs-routes.ts';
import { registerMessages } from './messages-route.ts';
import { registerNodes } from './nodes-routes.ts';
import { requireToken } from './require-token.ts';
import { type ConsoleConfig, registerConsole } from './static-files.ts';

export interface AdminOptions {
  readonly telemetry: Telemetry;
  readonly database: Database;
  /** Absent: retention can't be asked for. */
  readonly jobs?: JobsBackend | undefined;
  /** The store of the jobs is not opened before this. Default: nothing. */
  readonly jobsOpenAfter?: Promise<unknown> | undefined;
  /** Absent: other services can neither be listed nor commanded. */
  readonly broker?: Pick<Broker, 'control'> | undefined;
  /** Of its settings, for the list of nodes. */
  readonly fingerprints?: Fingerprints | undefined;
  readonly listener: Listener;
  /** Bearer token of `/v1`; absent: `/v1` refuses everything. */
  readonly token: string | undefined;
  /**
   * Configuration served to the console's page. Contains tokens only in single-process mode: everybody who can load the
   * page can read them.
   */
  readonly console: ConsoleConfig;
  /** Started first and stopped last, e.g. connections that belong to this service alone. */
  readonly parts?: readonly Part[];
}

export interface AdminService extends Service {
  /** For tests and for whoever wants the port that was given. */
  readonly server: FastifyInstance;
}

/** Admin API, console, health and metrics. */
export async function createAdmin(options: AdminOptions): Promise<AdminService> {
  const { telemetry, database, jobs } = options;
  const shell = new ServiceShell(telemetry);
  for (const part of options.parts ?? []) shell.add(part);
  const queues = jobs === undefined ? undefined : createQueues({ backend: jobs, telemetry });
  const server = createHttpServer(telemetry, { routerOptions: { maxParamLength: 1000 } });
  registerOpsRoutes(server, telemetry, shell.health);
  const authorize = requireToken(options.token);
  const control = addNode(shell, options);
  // A hook of these routes alone, whatever way the address was written.
  await server.register(async (api) => {
    api.addHook('onRequest', authorize);
    refuseUnknownParameters(api);
    registerMessages(api, database);
    registerJobs(api, queues, telemetry);
    registerDeadLetters(api, database, telemetry.logger);
    registerNodes(api, control, telemetry.logger);
  });
  if (!(await registerConsole(server, options.console)))
    telemetry.logger.warn('the console is not built: there is no page at /');
  // The others do without it for a while: health, metrics and the page are there all the same.
  shell.health.add(
    'database',
    async () => {
      await database.ping();
      return undefined;
    },
    { affects: 'nothing' },
  );
  shell.health.add('first contact with the database', firstContact(database));
  if (queues !== undefined) addQueues(shell, queues, options.jobsOpenAfter);
  shell.add(listening(server, options.listener));
  return Object.assign(shell, { server });
}

function addNode(
  shell: ServiceShell,
  { broker, telemetry, fingerprints }: AdminOptions,
): ControlNode | undefined {
  if (broker === undefined) return undefined;
  return addControlNode(shell, telemetry, {
    open: (describe) => broker.control({ node: nodeName(telemetry), service: telemetry.service }, describe),
    fingerprints,
  });
}

/**
 * A service that never reached its database is more likely misconfigured than unlucky: it isn't ready. Nor is one whose database lacks
 * a migration of its version: during a deploy it waits for the migration, while the one before it serves.
 */
function firstContact(database: Database): () => Promise<string | undefined> {
  let made = false;
  return async () => {
    if (made) return undefined;
    const missing = await pendingMigrations(database);
    made = missing.length === 0;
    return made ? undefined : `migrations are missing: ${missing.join(', ')}`;
  };
}

/** In a loop, so that the service is there although the store of the jobs isn't. */
function addQueues(shell: ServiceShell, queues: Queues, startsAfter: Promise<unknown> | undefined): void {
  shell.add({ name: 'jobs', stopTimeoutMs: 3000, stop: () => queues.stop() });
  shell.addLoop({
    name: 'open queues',
    startsAfter,
    run: async (signal, progress) => {
      await queues.start();
      progress();
      if (!signal.aborted) await once(signal, 'abort');
    },
    onCritical: 'retry',
  });
}
