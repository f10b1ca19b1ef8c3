import {
  connectionOptions,
  isElsewhere,
  type RedisTls,
  readRedisAddress,
  verifyDatabase,
} from '@carillon/redis';
import type { Queue, Worker, WorkerOptions } from 'bullmq';

/** Where jobs are kept. */
export type JobsBackend =
  | {
      readonly kind: 'redis';
      /** Of a single Redis, of sentinels, or of a cluster. */
      readonly url: string;
      /** For `rediss`: what is trusted and presented besides the platform's authorities. */
      readonly tls?: RedisTls | undefined;
      /** Of the installation; keys begin with `<prefix>:jobs`, on a cluster with `<prefix>:{jobs}`. */
      readonly prefix: string;
      readonly connectTimeoutMs?: number;
    }
  | {
      readonly kind: 'postgres';
      /** Settings of a `pg` pool, e.g. `{ connectionString }` or the `connection` of a PGlite database. */
      readonly connection: Readonly<Record<string, unknown>>;
      /** The schema of BullMQ's own tables, made when it isn't there. PGlite has one search path: `public`. */
      readonly schema: string;
    };

/** Constructors of BullMQ with the backend filled in. Loaded on use: it takes a quarter of a second. */
export interface BoundBackend {
  queue(name: string): Queue;
  worker(
    name: string,
    process: (job: { id?: string; data: unknown }) => Promise<unknown>,
    options: Partial<WorkerOptions>,
  ): Worker;
}

export async function bindBackend(backend: JobsBackend): Promise<BoundBackend> {
  const bull = await import('bullmq');
  if (backend.kind === 'redis') {
    const address = readRedisAddress(backend.url, backend.tls);
    // BullMQ's scripts touch several keys of a queue at once: they have to lie in one slot.
    const prefix = address.kind === 'cluster' ? `${backend.prefix}:{jobs}` : `${backend.prefix}:jobs`;
    const way = connectionOptions(address, { key: prefix });
    const connectTimeout = backend.connectTimeoutMs ?? 2000;
    await verifyDatabase(address, way, connectTimeout);
    const connection = {
      ...way,
      ...(address.kind !== 'single' && { reconnectOnError: isElsewhere }),
      connectTimeout,
    };
    return {
      queue: (name) =>
        new bull.Queue(name, { prefix, connection: { ...connection, maxRetriesPerRequest: 1 } }),
      worker: (name, process, options) =>
        new bull.Worker(name, process, {
          ...options,
          prefix,
          connection: { ...connection, maxRetriesPerRequest: null },
        }),
    };
  }
  const { Queue: PgQueue, Worker: PgWorker } = bull.withBackend(bull.createPostgresBackend);
  const connection = { max: 2, ...backend.connection, schema: backend.schema, migrate: true };
  // The classes are the same; only their type parameter for the backend differs.
  return {
    queue: (name) => new PgQueue(name, { connection }) as unknown as Queue,
    worker: (name, process, options) =>
      new PgWorker(name, process, { ...options, connection } as never) as unknown as Worker,
  };
}
