import type { Broker, ChannelKey, GatewayFeed, PartitionId, StoredQuestion } from '@carillon/broker';
import { backoffMs, pause } from '@carillon/service';
import { METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';

/** Most publishes that wait for `stored`; of more, the oldest is told nothing and the publisher asks again. */
const MAX_WAITING = 100_000;
const MAX_WAIT_MS = 120_000;

/** Notices that came before the publisher's own answer was read; a few are enough. */
const MAX_EARLY = 1000;

interface Waiter {
  readonly question: StoredQuestion;
  readonly since: number;
  readonly tell: () => void;
}

export interface AskAgainDependencies {
  readonly broker: Pick<Broker, 'partitionOf'>;
  readonly feed: Pick<GatewayFeed, 'askStored'>;
  readonly telemetry: Telemetry;
  readonly signal: AbortSignal;
}

/** Publishes of this gateway that want to know when their message is in Postgres. */
export class StoredWaiters {
  /** In the order of arrival. */
  readonly #waiting = new Map<string, Waiter[]>();
  readonly #early = new Set<string>();
  #count = 0;

  constructor(telemetry: Telemetry) {
    telemetry.metrics.gauge(METRICS.storedPending, () => this.#count);
  }

  /** All that is waited for, each once. */
  get pending(): readonly StoredQuestion[] {
    return [...this.#waiting.values()].map(([first]) => first!.question);
  }

  wait(question: StoredQuestion, tell: () => void): void {
    const { channel, epoch, seq } = question;
    this.#forgetOld();
    const key = `${channel} ${epoch}:${seq}`;
    if (this.#early.delete(key)) {
      tell();
      return;
    }
    const waiter = { question, since: performance.now(), tell };
    const list = this.#waiting.get(key);
    if (list === undefined) this.#waiting.set(key, [waiter]);
    else list.push(waiter);
    this.#count++;
  }

  stored(channel: ChannelKey, epoch: string, seq: number): void {
    const key = `${channel} ${epoch}:${seq}`;
    const waiters = this.#take(key);
    for (const { tell } of waiters) tell();
    if (waiters.length > 0) return;
    this.#early.add(key);
    const [oldest] = this.#early;
    if (this.#early.size > MAX_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  #take(key: string): readonly Waiter[] {
    const list = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    this.#count -= list.length;
    return list;
  }

  #forgetOld(): void {
    const before = performance.now() - MAX_WAIT_MS;
    for (const [key, [oldest]] of this.#waiting) {
      if (this.#count < MAX_WAITING && oldest!.since > before) return;
      this.#take(key);
    }
  }
}

/** A loss may have taken the questions of these partitions as well: they are asked again, until that succeeds or nobody waits any longer. Never rejects. */
export async function askAgain(
  waiters: StoredWaiters,
  { broker, feed, telemetry, signal }: AskAgainDependencies,
  partitions: readonly PartitionId[],
): Promise<void> {
  const log = new RepeatedLog(telemetry.loggerOf('publish'));
  for (let attempt = 1; !signal.aborted; attempt++) {
    const questions = waiters.pending.filter(({ channel }) =>
      partitions.includes(broker.partitionOf(channel)),
    );
    if (questions.length === 0) return;
    try {
      await feed.askStored(questions);
      return;
    } catch (err) {
      log.warn({ err, questions: questions.length }, 'could not ask again what is stored, trying again');
      await pause(backoffMs(attempt), signal);
    }
  }
}
