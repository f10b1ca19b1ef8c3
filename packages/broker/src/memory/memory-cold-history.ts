import { CarillonError } from '@carillon/protocol';
import type { ColdHistory, ColdQuery, HistoryEntry } from '../ports.ts';

/** Most questions under way; more are refused, so that a crowd of returning clients can't pile up. */
const MAX_IN_FLIGHT = 1000;

type Answer = (query: ColdQuery) => Promise<readonly HistoryEntry[]>;

export class MemoryColdHistory implements ColdHistory {
  readonly #servers: Answer[] = [];
  #inFlight = 0;
  #turn = 0;

  async ask(_gateway: string, query: ColdQuery, timeoutMs: number): Promise<readonly HistoryEntry[]> {
    const answer = this.#servers[this.#turn++ % Math.max(1, this.#servers.length)];
    if (answer === undefined)
      throw new CarillonError(
        'HISTORY_UNAVAILABLE',
        'No persistence worker is there to read stored history.',
      );
    if (this.#inFlight >= MAX_IN_FLIGHT)
      throw new CarillonError('HISTORY_UNAVAILABLE', 'Too many questions for stored history are under way.', {
        retryAfterMs: 1000,
      });
    this.#inFlight++;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        reject(
          new CarillonError('HISTORY_UNAVAILABLE', `Stored history did not answer within ${timeoutMs} ms.`),
        ),
      timeoutMs,
    );
    try {
      return await Promise.race([answer(query), late]);
    } catch (error) {
      throw error instanceof CarillonError
        ? error
        : new CarillonError('HISTORY_UNAVAILABLE', undefined, { cause: error });
    } finally {
      clearTimeout(timer);
      this.#inFlight--;
    }
  }

  async serve(answer: Answer, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#servers.push(answer);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#servers.splice(this.#servers.indexOf(answer), 1);
  }
}
