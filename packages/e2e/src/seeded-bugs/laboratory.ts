import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  startPostgres,
  startProcess,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@carillon/testing';
import pg from 'pg';
import type { Verdict } from '../check/check.ts';
import { migrate } from '../services.ts';
import type { EditName } from './edits.ts';
import type { ScenarioRun } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS, type ScenarioName } from './scenarios.ts';

/** Two at a time: each is a handful of processes that mostly wait. */
const MAX_RUNNING = 2;
const MAX_RUN_MS = 400_000;
/** Without a bug everything arrives, and a busy machine takes its time. With one, waiting longer finds nothing more. */
const SETTLE_WITHOUT_BUG_MS = 60_000;
const TEMPLATE = 'migrated';

/** One Redis and one Postgres for all runs; each run has its own key prefix, database and processes. */
export class Laboratory {
  readonly #redis: TestRedis;
  readonly #postgres: TestPostgres;
  readonly #folder: string;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #count = 0;

  private constructor(redis: TestRedis, postgres: TestPostgres, folder: string) {
    this.#redis = redis;
    this.#postgres = postgres;
    this.#folder = folder;
  }

  static async open(): Promise<Laboratory> {
    const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    const folder = await mkdtemp(join(tmpdir(), 'carillon-seeded-bugs-'));
    const laboratory = new Laboratory(redis, postgres, folder);
    await migrate(await laboratory.#createDatabase(TEMPLATE));
    return laboratory;
  }

  /** Plays a scenario, with a bug or without, and resolves with the checker's verdict. */
  async run(name: ScenarioName, bug?: EditName): Promise<Verdict> {
    await this.#turn();
    try {
      return await this.#play(name, bug);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#redis.stop(), this.#postgres.stop()]);
    await rm(this.#folder, { recursive: true });
  }

  async #turn(): Promise<void> {
    while (this.#running >= MAX_RUNNING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
  }

  async #play(scenario: ScenarioName, bug: EditName | undefined): Promise<Verdict> {
    const id = `run${++this.#count}`;
    const run: ScenarioRun = {
      scenario,
      redisUrl: this.#redis.url,
      redisPrefix: id,
      databaseUrl: await this.#createDatabase(id, TEMPLATE),
      folder: join(this.#folder, id),
      ...(bug === undefined ? { settleMs: SETTLE_WITHOUT_BUG_MS } : {}),
    };
    const { weakened = [] }: Scenario = SCENARIOS[scenario];
    const edits = new Set([...weakened, ...(bug === undefined ? [] : [bug])]);
    const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const child = await startProcess({
      command: process.execPath,
      args: ['--import', file('./register.ts'), file('./run-scenario.ts'), JSON.stringify(run)],
      env: { SEEDED_EDITS: [...edits].join(',') },
    });
    const timer = setTimeout(() => void child.stop(), MAX_RUN_MS);
    const code = await child.exited;
    clearTimeout(timer);
    const verdict = /^\{"violations".*$/m.exec(child.output)?.[0];
    if (code !== 0 || verdict === undefined)
      throw new Error(`${scenario} with ${[...edits]} ended with ${code}:\n${child.output.slice(-4000)}`);
    return JSON.parse(verdict) as Verdict;
  }

  async #createDatabase(name: string, template?: string): Promise<string> {
    const client = new pg.Client({ connectionString: this.#postgres.url });
    await client.connect();
    await client
      .query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`)
      .finally(() => client.end());
    const url = new URL(this.#postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  }
}
