/** Postgres, a memory broker, persistence with endpoints, and receivers for them. */
import { type Broker, createMemoryBroker } from '@carillon/broker';
import { type WebhookDefinition, webhookEndpoints } from '@carillon/config';
import { type Database, migrate, openPostgres } from '@carillon/db';
import type { Service } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import { eventually, startPostgres, type TestPostgres } from '@carillon/testing';
import { createPersistence } from '../persistence.ts';
import { quietTelemetry } from '../published.suite.ts';
import { type Received, startReceiver } from './receiver.suite.ts';

type Definition = Partial<WebhookDefinition> & { readonly url: string };

export class WebhookStage {
  readonly database: Database;
  broker: Broker;
  readonly #postgres: TestPostgres;
  readonly #ending: (() => Promise<void>)[] = [];

  private constructor(postgres: TestPostgres, database: Database, broker: Broker) {
    this.#postgres = postgres;
    this.database = database;
    this.broker = broker;
  }

  static async open(): Promise<WebhookStage> {
    const postgres = await startPostgres();
    const options = { url: postgres.url, poolMin: 0, poolMax: 20, connectTimeoutMs: 20_000 };
    const timeouts = { statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, slowQueryMs: 1000 };
    const database = openPostgres({ ...options, ...timeouts }, quietTelemetry());
    await migrate(database);
    return new WebhookStage(postgres, database, createMemoryBroker({ partitions: 4 }));
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.#postgres.stop();
  }

  async begin(): Promise<void> {
    await this.database.query(
      'empty',
      'truncate messages, dead_letters, webhook_deliveries, replayed_messages',
    );
    const broker = createMemoryBroker({ partitions: 4 });
    await broker.start();
    this.broker = broker;
    this.#ending.push(() => broker.stop());
  }

  async end(): Promise<void> {
    for (const end of this.#ending.splice(0).toReversed()) await end();
  }

  async receiver(
    answer?: Parameters<typeof startReceiver>[0],
  ): Promise<{ readonly url: string; readonly received: readonly Received[] }> {
    const started = await startReceiver(answer);
    this.#ending.push(() => started.stop());
    return started;
  }

  async start(definitions: readonly Definition[], telemetry: Telemetry = quietTelemetry()): Promise<Service> {
    const endpoints = webhookEndpoints(
      definitions.map((definition, i) => ({
        name: `e${i}`,
        events: ['message.published'],
        secrets: ['a-secret-of-the-receiver'],
        // An attempt that is given up because the machine is busy is made twice.
        timeoutMs: 30_000,
        backoffMs: 20,
        maxBackoffMs: 100,
        attempts: 3,
        ...definition,
      })),
    );
    const service = createPersistence({
      telemetry,
      broker: this.broker,
      database: this.database,
      settings: {
        ...{ batchMaxMessages: 50, lingerMs: 1, relaxedLingerMs: 1, claimIdleMs: 10_000 },
        // Refused messages go to the dead letters at once: nobody repairs the database in these tests.
        patience: { messageMs: 500, faultMs: 500 },
      },
      webhooks: { endpoints, allowedNetworks: ['127.0.0.1'] },
    });
    this.#ending.push(() => service.stop());
    await service.start();
    return service;
  }

  async count(
    table: 'messages' | 'dead_letters' | 'webhook_deliveries' | 'replayed_messages',
  ): Promise<number> {
    const { rows } = await this.database.query<{ n: number }>(
      'count',
      `select count(*)::int as n from ${table}`,
    );
    return rows[0]!.n;
  }

  /** Everything of the log is stored, and everything is delivered. */
  async settled(): Promise<void> {
    await eventually(
      async () =>
        (await this.broker.log.backlog()).every(({ entries }) => entries === 0) &&
        (await this.count('webhook_deliveries')) === 0,
      { what: 'all is delivered', timeoutMs: 30_000 },
    );
  }
}
