import { ACK_IDLE_TTL_MS } from '@carillon/broker';
import { createNamespaceResolver, NAMESPACE_DEFAULTS, type NamespacePolicy } from '@carillon/config';
import {
  type Database,
  deleteBeyondCount,
  deleteDeadDeliveries,
  deleteExpired,
  deleteExpiredCursors,
  deleteExpiredDeadLetters,
  deleteFinishedSchedules,
  expireDeliveries,
  storedNamespaces,
} from '@carillon/db';
import type { JobOutput } from '@carillon/jobs';
import { METRICS, type Telemetry } from '@carillon/telemetry';

/** Small transactions: inserts go on beside them. */
const CHUNK = 1000;
/** Lifetime of a finished schedule's Idempotency-Key. */
const SCHEDULES_KEPT_MS = 7 * 86_400_000;
/** Above every endpoint's `maxAgeMs`: what waits longer has nobody who would deliver it. */
const ORPHANED_AFTER_MS = 8 * 86_400_000;
const DEAD_LETTERS_KEPT_MS = 30 * 86_400_000;

export interface RetentionDependencies {
  readonly database: Database;
  readonly policies: readonly NamespacePolicy[];
  readonly telemetry: Telemetry;
}

/** Deletes what is older than its namespace keeps it. May run beside itself, and be aborted between chunks. */
export function createRetention({
  database,
  policies,
  telemetry,
}: RetentionDependencies): (signal: AbortSignal) => Promise<JobOutput<'retention'>> {
  const resolver = createNamespaceResolver(policies);
  const deleted = telemetry.metrics.counter(METRICS.retentionDeleted);
  return async (signal) => {
    let deletedMessages = 0;
    for (const namespace of await storedNamespaces(database)) {
      const policy = resolver.resolve(`${namespace}:`);
      // A namespace that is no longer durable keeps what it had stored for the usual time: a slip in the settings
      // must not delete everything at once.
      const keptMs = policy.durable ? policy.retentionMs : NAMESPACE_DEFAULTS.retentionMs;
      const maxMessages = policy.durable ? policy.retentionMaxMessages : undefined;
      const count =
        (await inChunks(signal, () =>
          deleteExpired(database, { namespace, olderThanMs: keptMs, chunk: CHUNK }),
        )) +
        (maxMessages === undefined
          ? 0
          : await inChunks(signal, () =>
              deleteBeyondCount(database, { namespace, maxMessages, chunk: CHUNK }),
            ));
      deletedMessages += count;
      deleted.add(count);
    }
    await inChunks(signal, () =>
      deleteFinishedSchedules(database, { olderThanMs: SCHEDULES_KEPT_MS, chunk: CHUNK }),
    );
    await inChunks(signal, () =>
      deleteExpiredCursors(database, { olderThanMs: ACK_IDLE_TTL_MS, chunk: CHUNK }),
    );
    await expireDeliveries(database, {
      maxAgeMs: ORPHANED_AFTER_MS,
      reason: 'its endpoint is not configured',
    });
    await inChunks(signal, () =>
      deleteDeadDeliveries(database, { olderThanMs: DEAD_LETTERS_KEPT_MS, chunk: CHUNK }),
    );
    const deletedDeadLetters = await inChunks(signal, () =>
      deleteExpiredDeadLetters(database, { olderThanMs: DEAD_LETTERS_KEPT_MS, chunk: CHUNK }),
    );
    return { deletedMessages, deletedDeadLetters };
  };
}

async function inChunks(signal: AbortSignal, deleteChunk: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (;;) {
    signal.throwIfAborted();
    const count = await deleteChunk();
    sum += count;
    if (count < CHUNK) return sum;
  }
}
