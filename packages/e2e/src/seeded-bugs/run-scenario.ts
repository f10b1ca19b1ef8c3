/**
 * `node --import register.ts run-scenario.ts '<json>'`: one scenario in a process of its own, so that the SDK can carry a bug, too.
 * Prints the verdict as JSON.
 */

import { startRedis, type TestRedis, whileStarting } from '@carillon/testing';
import type { Rows } from '../check/read-back.ts';
import { Stage } from '../check/stage.ts';
import { PATIENT_MS } from '../people.ts';
import { type Services, startServices } from '../services.ts';
import { startSingle } from '../single/single-instance.ts';
import { environment } from './config.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS, type ScenarioName } from './scenarios.ts';

export interface ScenarioRun {
  readonly scenario: ScenarioName;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly databaseUrl: string;
  /** For the histories. */
  readonly folder: string;
  /** How long everything may take to arrive at the end. Default: what the scenario says. */
  readonly settleMs?: number;
}

const DEFAULT_SETTLE_MS = 5000;

async function main(run: ScenarioRun): Promise<number> {
  const { redisPrefix, databaseUrl, folder } = run;
  const scenario: Scenario = SCENARIOS[run.scenario];
  const settleMs = run.settleMs ?? scenario.settleMs ?? DEFAULT_SETTLE_MS;
  const redis = scenario.ownRedis === true ? await startOwnRedis() : undefined;
  const redisUrl = redis?.url ?? run.redisUrl;
  const { services, database, reads } = await start({ ...run, redisUrl }, scenario);
  const { gateways } = services;
  // A resuming client gets the messages withheld by the scenario: no other way leads to them.
  const stage = new Stage(database, folder, { silentMs: PATIENT_MS });
  try {
    await scenario.play({ stage, services, gateways, redis, redisUrl, redisPrefix, databaseUrl });
    const verdict = await stage.judge(
      { storedIsKnown: reads, rereadIsKnown: reads, ...scenario.expectations },
      { settleMs, reader: gateways[0]! },
    );
    process.stdout.write(`${JSON.stringify(verdict)}\n`);
    return 0;
  } finally {
    await stage.close();
    await services.stop();
    await redis?.stop();
  }
}

interface Started {
  readonly services: Services;
  readonly database: string | Rows;
  /** Is what is stored read back? */
  readonly reads: boolean;
}

async function start(run: ScenarioRun, { services: counts, env }: Scenario): Promise<Started> {
  const { redisUrl, redisPrefix, databaseUrl } = run;
  const bugs = { SEEDED_EDITS: environment.seededEdits };
  const nodeArgs = ['--import', new URL('./register.ts', import.meta.url).href];
  if (counts === 'single') {
    const single = await startSingle({ env: { ...env, ...bugs }, nodeArgs });
    const services = { gateways: [single], routers: [], persistence: [], admin: undefined, stop: single.end };
    return { services, database: single.rows, reads: true };
  }
  const services = await startServices({
    ...{ ...counts, redisUrl, databaseUrl, links: true, nodeArgs },
    env: { ...env, ...bugs, CARILLON_REDIS_PREFIX: redisPrefix },
  });
  return { services, database: databaseUrl, reads: counts.persistence > 0 };
}

/** A Redis that writes each command to its file before it answers. */
async function startOwnRedis(): Promise<TestRedis> {
  return await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
// A failed or cancelled run leaves no service behind.
process.exit(await whileStarting(() => main(JSON.parse(process.argv[2] ?? '') as ScenarioRun), { say }));
