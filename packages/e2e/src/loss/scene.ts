/** Basis of every loss scenario: a Redis of its own, Postgres, services, and a stage that records everything. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startPostgres, type TestPostgres } from '@carillon/testing';
import pg from 'pg';
import { expect } from 'vitest';
import type { Verdict } from '../check/check.ts';
import { Stage } from '../check/stage.ts';
import type { Expectations } from '../check/verdict.ts';
import { migrate, type Service, type Services, type ServicesOptions, startServices } from '../services.ts';

const TEMPLATE = 'migrated';
/** How long everything may take to arrive, to be answered, and to be stored, when the scenario is over. */
const SETTLE_MS = 20_000;

export type SceneOptions = Omit<ServicesOptions, 'redisUrl' | 'databaseUrl'>;

export interface Scene {
  readonly services: Services;
  readonly gateways: readonly [Service, Service];
  readonly stage: Stage;
  readonly databaseUrl: string;
  /** So many different messages are in Postgres. */
  stored(count: number): Promise<void>;
  /** Ends the traffic, judges all of it, and expects that nothing was violated. */
  expectSound(expectations?: Expectations): Promise<Verdict>;
}

/** The scenes of one file: they share a Postgres, each has a database of its own. */
export class Scenes {
  readonly #closers: (() => unknown)[] = [];
  #postgres: TestPostgres | undefined;
  #folder = '';
  #count = 0;

  async start(): Promise<void> {
    this.#postgres = await startPostgres();
    this.#folder = await mkdtemp(join(tmpdir(), 'carillon-loss-'));
    await migrate(await this.#createDatabase(TEMPLATE));
  }

  async stop(): Promise<void> {
    await this.close();
    await this.#postgres?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Called when the test is over, the last one first. */
  closing(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async open(redis: { readonly url: string }, { env, ...options }: SceneOptions = {}): Promise<Scene> {
    const name = `scene${++this.#count}`;
    const databaseUrl = await this.#createDatabase(name, TEMPLATE);
    const services = await startServices({
      ...{ redisUrl: redis.url, databaseUrl, routers: 1 },
      ...options,
      env: { CARILLON_PARTITIONS: '1', CARILLON_LOG_LEVEL: 'info', ...env },
    });
    this.closing(() => services.stop());
    const stage = new Stage(databaseUrl, join(this.#folder, name));
    this.closing(() => stage.close());
    const [first, second = first] = services.gateways;
    return {
      ...{ services, stage, databaseUrl, gateways: [first!, second!] },
      stored: (count) => storedAre(databaseUrl, count),
      expectSound: async (expectations = {}) => {
        const verdict = await stage.judge(
          { dataLost: true, ...expectations },
          { settleMs: SETTLE_MS, reader: first! },
        );
        expect(
          verdict.violations.map(({ invariant, text }) => `${invariant}: ${text}`),
          JSON.stringify(verdict.violated),
        ).toEqual([]);
        return verdict;
      },
    };
  }

  async #createDatabase(name: string, template?: string): Promise<string> {
    const { url } = this.#postgres!;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client
      .query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`)
      .finally(() => client.end());
    const address = new URL(url);
    address.pathname = `/${name}`;
    return address.href;
  }
}

async function storedAre(databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await eventually(
      async () => {
        const { rows } = await client.query<{ n: string }>(
          'select count(distinct (app, channel, payload)) as n from messages',
        );
        return Number(rows[0]?.n) >= count;
      },
      { what: `${count} messages are in Postgres`, timeoutMs: 30_000 },
    );
  } finally {
    await client.end();
  }
}
