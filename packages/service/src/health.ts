/** Named checks that decide about readiness; their answers are kept briefly so that scrapes can't hammer what is checked. */

const CACHE_MS = 500;
const CHECK_TIMEOUT_MS = 2000;

/** `undefined` or an empty text: fine. Else what is wrong, in words. A throw is wrong, too. */
export type Check = () => Promise<string | undefined> | string | undefined;

export interface HealthReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly problem?: string }>>;
}

export class Health {
  readonly #checks = new Map<string, Check>();
  #cached: { readonly at: number; readonly report: Promise<HealthReport> } | undefined;

  add(name: string, check: Check): void {
    if (this.#checks.has(name)) throw new Error(`there are two health checks named ${name}`);
    this.#checks.set(name, check);
  }

  report(): Promise<HealthReport> {
    const now = performance.now();
    if (this.#cached === undefined || now - this.#cached.at > CACHE_MS)
      this.#cached = { at: now, report: this.#runChecks() };
    return this.#cached.report;
  }

  async #runChecks(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await problemOf(check)] as const),
    );
    const checks = Object.fromEntries(
      results.map(([name, problem]) => [name, problem === undefined ? { ok: true } : { ok: false, problem }]),
    );
    return { ready: results.every(([, problem]) => problem === undefined), checks };
  }
}

async function problemOf(check: Check): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`did not answer within ${CHECK_TIMEOUT_MS} ms`), CHECK_TIMEOUT_MS);
  try {
    return (await Promise.race([promise, check()])) || undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
