import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@carillon/testing';
import type { Verdict } from '../check/check.ts';
import { Stage } from '../check/stage.ts';
import type { Stricken } from './fault.ts';
import { FAULTS } from './faults.ts';
import { startInstallation } from './installation.ts';
import { type Plan, type Strike, touchedBy } from './plan.ts';
import { PROCESS, startSingleProcess } from './single-process.ts';
import { Traffic } from './traffic.ts';

/** After the last fault of a wave everything has to flow again within this. A frozen gateway is given up after 8 s, a silent connection after 5 s. */
const DEFAULT_RECOVER_WITHIN_MS = 15_000;
const SETTLE_MS = 60_000;
/** The last thirty commands of a Redis that nobody publishes to reach so far back. */
const TAIL_MS = 5000;

export interface ChaosOptions {
  readonly plan: Plan;
  /** For the plan, the histories, the verdict, and what the services wrote. */
  readonly folder: string;
  readonly say: (line: string) => void;
  /** How soon everything has to flow again after a fault. Default 15,000. */
  readonly recoverWithinMs?: number;
  /** Ends the run without a verdict. */
  readonly signal?: AbortSignal;
}

export function shownStrike({ fault, target, durationMs }: Strike): string {
  const what = ['redis', 'postgres', PROCESS].includes(target) ? fault : `${fault} ${target}`;
  return `${what} (${(durationMs / 1000).toFixed(1)} s)`;
}

/** Carries out a plan against steady traffic, and judges. */
export async function runChaos({
  plan,
  folder,
  say,
  recoverWithinMs = DEFAULT_RECOVER_WITHIN_MS,
  signal,
}: ChaosOptions): Promise<Verdict> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'plan.json'), `${JSON.stringify(plan, undefined, 2)}\n`);
  const installation = plan.single
    ? await startSingleProcess()
    : await startInstallation(plan.seed, plan.cluster);
  const { services, gateways } = installation;
  const stage = new Stage(installation.database, join(folder, 'histories'));
  const traffic = new Traffic(stage, gateways);
  const play = async (): Promise<Verdict> => {
    await traffic.start();
    await stage.traffic(100);
    await new Waves({ ...installation, stage, traffic }, { say, recoverWithinMs, signal }).run(plan);
    await traffic.settle();
    // Replicas of a cluster are behind, always: what they lack when they take over is lost.
    const expectations = { dataLost: plan.redisLoss || plan.cluster };
    const verdict = await stage.judge(expectations, { settleMs: SETTLE_MS, reader: gateways[0]! });
    writeFileSync(join(folder, 'verdict.json'), `${JSON.stringify(verdict, undefined, 2)}\n`);
    return verdict;
  };
  try {
    return await Promise.race([play(), ended(signal)]);
  } catch (error) {
    // Said here: what closing the stage brings up later must not hide it.
    say(`could not go on: ${error instanceof Error ? error.stack : String(error)}`);
    throw error;
  } finally {
    for (const [name, service] of services) writeFileSync(join(folder, `${name}.log`), service.output);
    await stage.close();
    await traffic.stop();
    await installation.stop();
  }
}

/** Rejects when the run is to end. */
function ended(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal?.reason);
  if (signal?.aborted === true) end();
  else signal?.addEventListener('abort', end, { once: true });
  return promise;
}

/** Do a gateway that held it and the Redis that had it lose the same message? */
function mayForget(strikes: readonly Strike[]): boolean {
  const faults = strikes.map((strike) => ({ ...FAULTS[strike.fault]!, touched: touchedBy(strike) }));
  return (
    faults.some(({ losesData, failsOver }) => losesData === true || failsOver === true) &&
    faults.some(
      ({ endsGateways, touched }) =>
        endsGateways === true && touched.some((name) => name.startsWith('gateway') || name === PROCESS),
    )
  );
}

type WavesOptions = Required<Pick<ChaosOptions, 'say' | 'recoverWithinMs'>> & {
  readonly signal: AbortSignal | undefined;
};

class Waves {
  readonly #stricken: Stricken;
  readonly #stage: Stage;
  readonly #say: (line: string) => void;
  readonly #recoverWithinMs: number;
  readonly #signal: AbortSignal | undefined;
  #worstMs = 0;

  constructor(stricken: Stricken, { say, recoverWithinMs, signal }: WavesOptions) {
    this.#stricken = stricken;
    this.#stage = stricken.stage;
    this.#say = say;
    this.#recoverWithinMs = recoverWithinMs;
    this.#signal = signal;
  }

  async run({ waves, durationMs }: Plan): Promise<void> {
    const startMs = performance.now();
    for (const [i, { afterMs, strikes }] of waves.entries()) {
      await this.#pause(afterMs);
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs >= durationMs) return;
      const time = new Date(elapsedMs).toISOString().slice(11, 19);
      const beganAt = Date.now();
      await Promise.all(strikes.map((strike) => this.#strike(strike)));
      if (mayForget(strikes)) this.#stage.forgotten(beganAt - TAIL_MS);
      const tookMs = await this.#recovered(strikes.map(({ fault }) => fault).join(' + '));
      this.#say(
        `${time} ${i + 1}: ${strikes.map(shownStrike).join(', ')}; flows again after ${tookMs} ms (worst ${this.#worstMs} ms); ${this.#stage.frontier.accepted} accepted`,
      );
    }
  }

  async #strike({ fault, target, durationMs }: Strike): Promise<void> {
    const heal = await FAULTS[fault]!.strike(this.#stricken, target);
    this.#stage.fault(fault);
    await this.#pause(durationMs);
    await heal();
  }

  /** Rejects when the run is to end: nothing is frozen or started any more while the servers are ended. */
  async #pause(durationMs: number): Promise<void> {
    await pause(durationMs, undefined, this.#signal && { signal: this.#signal });
  }

  /** Resolves when every subscriber has what was accepted up to the end of the faults and a new message on top. */
  async #recovered(faults: string): Promise<number> {
    const healedMs = performance.now();
    const timeoutMs = this.#recoverWithinMs;
    this.#stage.healed(faults, timeoutMs);
    const accepted = this.#stage.frontier.accepted;
    await eventually(() => this.#stage.frontier.accepted > accepted + 20, {
      what: 'publishes go on',
      timeoutMs,
    })
      .then(() => eventually(this.#stage.goal(), { what: 'deliveries go on', timeoutMs }))
      .catch((error: unknown) => this.#say(`after ${faults}: ${(error as Error).message}`)); // the checker finds it in the histories
    const tookMs = Math.round(performance.now() - healedMs);
    this.#worstMs = Math.max(this.#worstMs, tookMs);
    return tookMs;
  }
}
