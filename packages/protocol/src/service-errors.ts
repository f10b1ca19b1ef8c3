interface ServiceErrorDefinition {
  /** May the same attempt succeed later, unchanged? */
  readonly retryable: 'yes' | 'no' | 'as it says';
  readonly meaning: string;
  readonly remedy: string;
}

const define = (
  retryable: ServiceErrorDefinition['retryable'],
  meaning: string,
  remedy: string,
): ServiceErrorDefinition => ({ retryable, meaning, remedy });

/**
 * Codes that stay inside the services: operators meet them in logs and in what a command prints, clients never do. Where such an
 * error is the reason why a request fails, the answer has a code of ERRORS.
 */
export const SERVICE_ERRORS = {
  CONFIG_INVALID: define(
    'no',
    'Settings are missing, wrong or contradict each other.',
    'The message names every one of them, and what is allowed.',
  ),
  SERVICE_START_FAILED: define(
    'no',
    'A part of the service could not be started.',
    'The message names the part and the reason.',
  ),
  PARTITIONS_DIFFER: define(
    'no',
    'The installation in Redis has another number of partitions than this service.',
    'Set CARILLON_PARTITIONS to the number in the message.',
  ),
  REDIS_CONNECTION_FAILED: define(
    'yes',
    'There is no connection to Redis; the message names the address and why.',
    'It is tried again by itself. Where it is refused for good (password, database, TLS) change the setting that the message names.',
  ),
  JOURNAL_CORRUPT: define(
    'no',
    'The journal of a single process is damaged other than by a crash, or a newer version wrote it.',
    'Restore the data directory from a copy, or move the journal away: what the database has not stored is lost then.',
  ),
  MIGRATION_CHANGED: define(
    'no',
    'A migration differs from what was applied to this database.',
    'Run the version that applied it, or a newer one; migrations are never edited.',
  ),
  DATABASE_FAILED: define(
    'as it says',
    'A statement failed in Postgres; the message has its name.',
    'Messages that Postgres refuses are tried again for a while, then they become dead letters; all else is tried again until it succeeds.',
  ),
  JOBS_UNAVAILABLE: define(
    'yes',
    'The queue of the jobs did not answer; whether the job was added is not known. Over HTTP: `UNAVAILABLE`.',
    'It is tried again; look at the Redis or Postgres that holds the jobs.',
  ),
  JOB_TIMEOUT: define(
    'yes',
    'An attempt of a job took longer than it may.',
    'It is tried again; look at what the job waits for.',
  ),
  WEBHOOK_ADDRESS_REFUSED: define(
    'no',
    'The address of a webhook or a responder is not public, and not in CARILLON_WEBHOOKS_ALLOWED_NETWORKS.',
    'Use a public address, or allow the network.',
  ),
} as const satisfies Record<string, ServiceErrorDefinition>;
