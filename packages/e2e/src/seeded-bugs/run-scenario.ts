/**
 * `node --import register.ts run-scenario.ts '<json>'`: one scenario in a process of its own, so that the SDK can carry a bug, too.
 * Prints the verdict as JSON.
 */

import { startRedis, type TestRedis, whileStarting } from '@carillon/testing';
import { Stage } from '../check/stage.ts';
import { PATIENT_MS } from '../people.ts';
import { startServices } from '../services.ts';
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
  const { services: counts, ...scenario }: Scenario = SCENARIOS[run.scenario];
  const settleMs = run.settleMs ?? scenario.settleMs ?? DEFAULT_SETTLE_MS;
  const redis = scenario.ownRedis === true ? await startOwnRedis() : undefined;
  const redisUrl = redis?.url ?? run.redisUrl;
  const services = await startServices({
    ...counts,
    redisUrl,
    databaseUrl,
    links: true,
    env: { ...scenario.env, CARILLON_REDIS_PREFIX: redisPrefix, SEEDED_EDITS: environment.seededEdits },
    nodeArgs: ['--import', new URL('./register.ts', import.meta.url).href],
  });
  const { gateways } = services;
  // A resuming client gets the messages withheld by the scenario: no other way leads to them.
  const stage = new Stage(databaseUrl, folder, { silentMs: PATIENT_MS });
  try {
    await scenario.play({ stage, services, gateways, redis, redisUrl, redisPrefix, databaseUrl });
    const reads = counts.persistence > 0;
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

/** A Redis that writes each command to its file before it answers. */
async function startOwnRedis(): Promise<TestRedis> {
  return await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
// A failed or cancelled run leaves no service behind.
process.exit(await whileStarting(() => main(JSON.parse(process.argv[2] ?? '') as ScenarioRun), { say }));
