import { CarillonError } from '@carillon/protocol';
import type { Logger } from '@carillon/telemetry';
import { RepeatedLog } from '@carillon/telemetry';
import type { Broker, PartitionId } from '../../ports.ts';

/** A server that stands still must not hold up what the others have: the leases of routers run out meanwhile. */
const PATIENCE_MS = 1000;

/** The parts of a cluster's broker: one per partition, in their order. */
export class Parts {
  readonly all: readonly Broker[];
  readonly #log: RepeatedLog;

  constructor(all: readonly Broker[], logger: Logger) {
    this.all = all;
    this.#log = new RepeatedLog(logger);
  }

  of(partition: PartitionId): Broker {
    return this.all[partition]!;
  }

  /**
   * Result of `work`, bounded by the time that a router may wait. `undefined`, and logged, when it fails or takes
   * longer.
   */
  async orUndefined<T>(partition: PartitionId, what: string, work: Promise<T>): Promise<T | undefined> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const tooLate = (): void =>
      reject(new CarillonError('UNAVAILABLE', `no answer within ${PATIENCE_MS} ms`));
    // After a pause of this process, what came meanwhile is read first.
    const timer = setTimeout(() => setImmediate(tooLate), PATIENCE_MS);
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      this.#log.warn({ err: error, partition }, `${what} failed for this partition`);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Does `work` for all parts; rejects with the first failure, when all have ended. */
  async each<T>(work: (part: Broker, partition: PartitionId) => Promise<T>): Promise<readonly T[]> {
    return await allEnded(this.all.map((part, partition) => work(part, partition)));
  }
}

/** As `Promise.all`, and nothing is under way any more when it rejects. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
