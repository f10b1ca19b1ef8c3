import { backoffMs, pause } from '@carillon/service';

/** Reads that are repeated at a time; each rests before it asks a history that was away. */
const MAX_REPEATED = 64;
/** Longest pause between two attempts while history is unavailable: when it is back, nobody waits for long. */
const MAX_PAUSE_MS = 1000;

interface Patience {
  readonly patienceMs: number;
  /** Does anybody still wait for it? */
  readonly isWanted?: () => boolean;
}

/**
 * A broker or a storage that is away must not become a gap: what could not be read is read again. All readers of a gateway share a few
 * places for that: however many wait for a storage that is away, the broker is asked no more often.
 */
export class HistoryRetryPool {
  /** Callers waiting for a place; called with `true` when they get one. */
  readonly #waiting = new Set<(hasPlace: boolean) => void>();
  #repeated = 0;
  /** Result of the last repeated read: was the broker or the storage away? */
  #isAway = true;

  /** Reads for `patienceMs`, and gives up before that when nobody waits any more. The first attempt is made at once. */
  async read<Read extends object>(
    read: () => Promise<Read>,
    { patienceMs, isWanted = () => true }: Patience,
  ): Promise<Read> {
    const deadlineMs = performance.now() + patienceMs;
    let page = await read();
    for (let attempt = 1; isAway(page) && isWanted(); attempt++) {
      if (!(await this.#place(deadlineMs - performance.now()))) return page;
      try {
        if (isWanted()) page = await this.#again(read, attempt);
      } finally {
        this.#giveBack();
      }
    }
    return page;
  }

  async #again<Read extends object>(read: () => Promise<Read>, attempt: number): Promise<Read> {
    // Attempts of one reader are far apart when many wait; the first that succeeds lets the others go at once.
    if (this.#isAway) await pause(backoffMs(attempt, { maxMs: MAX_PAUSE_MS }));
    const page = await read();
    this.#isAway = isAway(page);
    return page;
  }

  /** Resolves with whether there was a place in time. */
  async #place(timeoutMs: number): Promise<boolean> {
    if (timeoutMs <= 0) return false;
    if (this.#repeated < MAX_REPEATED) {
      this.#repeated++;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.add(resolve);
    const timer = setTimeout(() => {
      this.#waiting.delete(resolve);
      resolve(false);
    }, timeoutMs);
    const hasPlace = await promise;
    clearTimeout(timer);
    return hasPlace;
  }

  /** To who has waited longest. */
  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#repeated--;
    else {
      this.#waiting.delete(next);
      next(true);
    }
  }
}

function isAway(page: object): boolean {
  return 'reason' in page && page.reason === 'history-unavailable';
}
