import { type Check, type CheckOptions, RegisteredCheck } from './health-check.ts';

/** A component that adds checks without end is at fault. */
const MAX_CHECKS = 200;

export interface CheckResult {
  readonly ok: boolean;
  readonly problem?: string;
  /** Absent for checks that decide about readiness. */
  readonly affects?: 'live' | 'nothing';
}

export interface HealthReport {
  /** May the service be given traffic? */
  readonly ready: boolean;
  /** Ready, but something that it can do without for a while is not in order. */
  readonly degraded: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Named checks that decide whether the service is ready, and whether it has to be restarted. */
export class Health {
  readonly #checks = new Map<string, RegisteredCheck>();

  /** Returns what removes the check again. @throws when there is a check of that name, or there are 200. */
  add(name: string, check: Check, options: CheckOptions = {}): () => void {
    if (this.#checks.has(name)) throw new Error(`there are two health checks named ${name}`);
    if (this.#checks.size >= MAX_CHECKS) throw new Error(`there are more than ${MAX_CHECKS} health checks`);
    const registered = new RegisteredCheck(check, options);
    this.#checks.set(name, registered);
    return () => {
      if (this.#checks.get(name) === registered) this.#checks.delete(name);
    };
  }

  /** Asks all checks. Never rejects. */
  async report(): Promise<HealthReport> {
    const checks = await this.#ask(() => true);
    const failed = Object.values(checks).filter(({ ok }) => !ok);
    const ready = failed.every(({ affects }) => affects === 'nothing');
    return { ready, degraded: ready && failed.length > 0, checks };
  }

  /**
   * Asks only the checks that decide about a restart. What the service depends on is not among them: restarting it
   * wouldn't bring Redis back.
   */
  async liveness(): Promise<{ readonly live: boolean; readonly checks: HealthReport['checks'] }> {
    const checks = await this.#ask(({ affects }) => affects === 'live');
    return { live: Object.values(checks).every(({ ok }) => ok), checks };
  }

  async #ask(wanted: (check: RegisteredCheck) => boolean): Promise<HealthReport['checks']> {
    const asked = [...this.#checks].filter(([, check]) => wanted(check));
    return Object.fromEntries(
      await Promise.all(
        asked.map(async ([name, check]) => [name, resultOf(check, await check.problem())] as const),
      ),
    );
  }
}

function resultOf({ affects }: RegisteredCheck, problem: string | undefined): CheckResult {
  return {
    ok: problem === undefined,
    ...(problem !== undefined && { problem }),
    ...(affects !== 'ready' && { affects }),
  };
}
