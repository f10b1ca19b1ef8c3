import type { Broker } from '@carillon/broker';
import { createNamespaceResolver, type NamespacePolicy } from '@carillon/config';
import { type Database, migrate, pendingMigrations } from '@carillon/db';
import {
  addControlNode,
  createHttpServer,
  type Fingerprints,
  type Listener,
  listening,
  nodeName,
  type Part,
  registerOpsRoutes,
  type Service,
  ServiceShell,
  waitFor,
} from '@carillon/service';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import { createColdAnswerer } from './cold-history.ts';
import { CursorWriter } from './cursor-writer.ts';
import { LogConsumer } from './log-consumer.ts';
import { MessageWriter } from './message-writer.ts';
import { Reconciler } from './reconciler.ts';
import { DEFAULT_PATIENCE, type Patience, RefusedMessages } from './refused-messages.ts';
import { addResponders } from './requests/responders.ts';
import { createRetention } from './retention.ts';
import { addRetentionJobs, type RetentionOptions } from './retention-jobs.ts';
import { addSchedules } from './schedules.ts';
import { addWebhooks, type WebhooksOptions } from './webhooks/webhooks.ts';

const BACKLOG_EVERY_MS = 5000;
const REFUSED_EVERY_MS = 250;

export interface PersistenceOptions {
  readonly telemetry: Telemetry;
  readonly broker: Broker;
  readonly database: Database;
  readonly settings: {
    readonly batchMaxMessages: number;
    readonly lingerMs: number;
    readonly relaxedLingerMs: number;
    readonly claimIdleMs: number;
    /** With messages that Postgres refuses. */
    readonly patience?: Patience;
    /** How far ahead messages may be scheduled. Default 366 days. */
    readonly scheduleMaxAheadMs?: number;
    /** Most messages of an app that wait to be published. Default 10,000. */
    readonly scheduleMaxPerApp?: number;
  };
  /** Policies of the namespaces. Default: one, `default`. */
  readonly namespaces?: readonly NamespacePolicy[];
  /** Webhook endpoints, and responders that answer requests. */
  readonly webhooks?: WebhooksOptions | undefined;
  /** Absent: this process deletes nothing. */
  readonly retention?: RetentionOptions | undefined;
  /** Health and metrics; absent: no port of its own. */
  readonly listener?: Listener | undefined;
  /** Started first and stopped last, e.g. connections that belong to this service alone. */
  readonly parts?: readonly Part[];
  /** Of its settings, for the list of nodes. */
  readonly fingerprints?: Fingerprints | undefined;
  /** Apply migrations at the start instead of waiting for them. Default false. */
  readonly appliesMigrations?: boolean;
}

/** The service that stores durable messages, answers for stored history, and deletes what is too old. */
export function createPersistence(options: PersistenceOptions): Service {
  const { telemetry, broker, database, settings } = options;
  const shell = new ServiceShell(telemetry);
  const { log } = broker;
  const writer = new MessageWriter(database, telemetry, {
    endpoints: options.webhooks?.endpoints ?? [],
    onQueued: () => wakeWebhooks(),
  });
  const { patience = DEFAULT_PATIENCE } = settings;
  const refused = new RefusedMessages({ log, writer, telemetry, patience });
  const consumer = new LogConsumer({
    log,
    database,
    writer,
    refused,
    cursors: new CursorWriter(database, telemetry.loggerOf('persistence')),
    telemetry,
    settings: { ...settings, consumer: telemetry.instanceId },
  });
  shell.health.add('storage', () => consumer.problem);
  shell.health.add('broker', async () => (await broker.status()).problems.join('; '), { affects: 'nothing' });
  if (options.listener !== undefined) addListener(shell, telemetry, options.listener);
  for (const part of options.parts ?? []) shell.add(part);
  addControlNode(shell, telemetry, {
    open: (describe) => broker.control({ node: nodeName(telemetry), service: telemetry.service }, describe),
    fingerprints: options.fingerprints,
    facts: () => ({ partitions: broker.partitions }),
  });
  addResponders(shell, options.webhooks, { broker, telemetry });
  shell.add({ name: 'database', start: (signal) => databaseReady(options, shell, signal) });
  const answer = createColdAnswerer(database, telemetry, addSchedules(shell, options));
  shell.addLoop({
    name: 'cold history',
    run: (signal) => broker.cold.serve(answer, signal),
    onCritical: 'retry',
  });
  const reconciler = new Reconciler({
    broker,
    database,
    namespaces: createNamespaceResolver(options.namespaces),
    telemetry,
  });
  shell.addLoop({ name: 'compare with the broker', run: reconciler.run, onCritical: 'retry' });
  shell.addLoop({ name: 'store messages', run: consumer.consume, onCritical: 'retry' });
  shell.addLoop({
    name: 'take over messages',
    run: consumer.claim,
    everyMs: Math.max(50, settings.claimIdleMs / 2),
    onCritical: 'retry',
  });
  shell.addLoop({
    name: 'try refused messages again',
    run: refused.tryAgain,
    everyMs: REFUSED_EVERY_MS,
    onCritical: 'retry',
  });
  const wakeWebhooks = addWebhooks(shell, options.webhooks ?? { endpoints: [], allowedNetworks: [] }, {
    database,
    log: broker.log,
    telemetry,
    // By then another worker has taken over what a dead one had read.
    orderedAfterMs: settings.claimIdleMs * 2 + 5000,
  });
  addBacklogGauge(shell, options);
  if (options.retention !== undefined) {
    const { namespaces = [] } = options;
    const retention = createRetention({ database, policies: namespaces, telemetry });
    addRetentionJobs(shell, options.retention, telemetry, retention);
  }
  return shell;
}

function addListener(shell: ServiceShell, telemetry: Telemetry, listener: Listener): void {
  const server = createHttpServer(telemetry);
  registerOpsRoutes(server, telemetry, shell.health);
  shell.add(listening(server, listener));
}

async function databaseReady(
  { database, telemetry, appliesMigrations = false }: PersistenceOptions,
  shell: ServiceShell,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async (): Promise<void> => {
    if (appliesMigrations) await migrate(database);
    const pending = await pendingMigrations(database);
    if (pending.length > 0) throw new Error(`migrations are missing: ${pending.join(', ')}`);
  };
  await waitFor({
    what: 'the database',
    attempt,
    telemetry,
    signal,
    health: shell.health,
    attemptTimeoutMs: 60_000,
  });
}

function addBacklogGauge(shell: ServiceShell, { broker, telemetry }: PersistenceOptions): void {
  let backlog = 0;
  telemetry.metrics.gauge(METRICS.logBacklog, () => backlog);
  shell.addLoop({
    name: 'measure backlog',
    run: async () => {
      const partitions = await broker.log.backlog();
      backlog = partitions.reduce((sum, { entries }) => sum + entries, 0);
    },
    everyMs: BACKLOG_EVERY_MS,
    onCritical: 'retry',
  });
}
