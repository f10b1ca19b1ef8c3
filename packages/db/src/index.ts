export { deleteExpiredCursors, findCursor, type StoredCursor, storeCursors } from './ack-cursors.ts';
export { Database, type DatabaseDependencies } from './database.ts';
export { DatabaseError, type FailureKind, isPoison } from './database-error.ts';
export {
  type DeadLetterFilter,
  type DeadLetterKind,
  type DeadLetterRow,
  findDeadLetter,
  listDeadLetters,
  type ReplayResult,
  replayDeadLetter,
  storedMessageOf,
} from './dead-letters.ts';
export {
  deleteMoved,
  type Move,
  moveMessages,
  type RecentEpoch,
  readTail,
  readTailIds,
  recentEpochs,
  storedIds,
  type TailMessage,
} from './ended-epochs.ts';
export {
  type DeadLetter,
  idsStoredAt,
  insertDeadLetter,
  insertMessages,
  type MessagePlace,
  messageExists,
  POSITION_TAKEN,
  type StoredMessage,
} from './message-store.ts';
export {
  ChangedMigrationError,
  type Migration,
  migrate,
  pendingMigrations,
  readMigrations,
} from './migrate.ts';
export { openPglite, type PgliteDatabase, type PgliteOptions } from './open-pglite.ts';
export { openPostgres, type PostgresOptions } from './open-postgres.ts';
export { makePgliteTemplate } from './pglite-template.ts';
export { announceReplayed, readReplayed } from './replayed-messages.ts';
export { deleteBeyondCount, deleteExpired, deleteExpiredDeadLetters, storedNamespaces } from './retention.ts';
export {
  type AddedSchedule,
  addSchedule,
  cancelSchedule,
  claimDueSchedules,
  type DueMessage,
  deleteFinishedSchedules,
  findMessagePosition,
  findSchedule,
  finishSchedules,
  listSchedules,
  type NewSchedule,
  nextDueInMs,
  type ScheduleLimits,
  type ScheduleResult,
  type ScheduleRow,
  type ScheduleState,
} from './scheduled-messages.ts';
export type { Sql, SqlClient, SqlPool, SqlResult } from './sql-pool.ts';
export { readAfter, readBefore, readRange, type StoredEntry } from './stored-history.ts';
export {
  type ClaimDeliveries,
  claimDeliveries,
  type DueDelivery,
  deleteDeadDeliveries,
  dropOverflow,
  expireDeliveries,
  failDelivery,
  type NewDelivery,
  releaseDelivery,
  removeDelivery,
} from './webhook-deliveries.ts';
