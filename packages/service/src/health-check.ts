import { scrub } from '@carillon/telemetry';
import { reasonOf } from './outage.ts';

/** Answers are kept briefly, so that scrapes can't hammer what is checked. */
const CACHE_MS = 500;
const DEFAULT_TIMEOUT_MS = 2000;

/**
 * `undefined` or an empty text: fine. Else what is wrong, in words. A throw is wrong, too. `signal` aborts when the
 * answer is no longer waited for. A check that answers without a promise is asked each time.
 */
export type Check = (signal: AbortSignal) => Promise<string | undefined> | string | undefined;

export interface CheckOptions {
  /** Longest wait for an answer. Default 2000. */
  readonly timeoutMs?: number;
  /**
   * Effect of a failure. `ready` (default): no traffic. `live`: no traffic, and the process has to be restarted.
   * `nothing`: reported only; the service counts as degraded.
   */
  readonly affects?: 'ready' | 'live' | 'nothing';
}

/** One check and its latest answer. Never asked twice at a time: questions to something that hangs must not pile up. */
export class RegisteredCheck {
  readonly affects: 'ready' | 'live' | 'nothing';
  readonly #check: Check;
  readonly #timeoutMs: number;
  #latest: { readonly answer: Promise<string | undefined>; readonly keptUntilMs: number } | undefined;
  /** Since when the check has been at work on a question, although nobody waits for it any longer. */
  #hangingSinceMs: number | undefined;

  constructor(check: Check, { timeoutMs = DEFAULT_TIMEOUT_MS, affects = 'ready' }: CheckOptions) {
    this.#check = check;
    this.#timeoutMs = timeoutMs;
    this.affects = affects;
  }

  /** The problem, without secrets; `undefined` when the check passes. Never rejects. */
  async problem(): Promise<string | undefined> {
    const nowMs = performance.now();
    if (this.#latest !== undefined && nowMs < this.#latest.keptUntilMs) return await this.#latest.answer;
    if (this.#hangingSinceMs !== undefined)
      return `has not answered for ${Math.round(nowMs - this.#hangingSinceMs)} ms`;
    return await this.#ask(nowMs);
  }

  async #ask(nowMs: number): Promise<string | undefined> {
    const abort = new AbortController();
    try {
      const asked = this.#check(abort.signal);
      if (!(asked instanceof Promise)) return presentable(asked);
      // While the question is open, everybody waits for the same answer.
      const answer = this.#within(asked, abort, nowMs);
      this.#latest = { answer, keptUntilMs: nowMs + this.#timeoutMs };
      const problem = await answer;
      this.#latest = { answer, keptUntilMs: performance.now() + CACHE_MS };
      return problem;
    } catch (error) {
      return presentable(reasonOf(error));
    }
  }

  async #within(
    asked: Promise<string | undefined>,
    abort: AbortController,
    sinceMs: number,
  ): Promise<string | undefined> {
    this.#hangingSinceMs = sinceMs;
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => {
      resolve(`did not answer within ${this.#timeoutMs} ms`);
      abort.abort();
    }, this.#timeoutMs);
    const answer = asked
      .then(presentable, (error: unknown) => presentable(reasonOf(error)))
      .finally(() => {
        clearTimeout(timer);
        this.#hangingSinceMs = undefined;
      });
    return await Promise.race([late, answer]);
  }
}

function presentable(problem: string | undefined): string | undefined {
  return problem === undefined || problem === '' ? undefined : scrub(problem);
}
