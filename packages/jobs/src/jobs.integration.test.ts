import { setTimeout as pause } from 'node:timers/promises';
import { openPglite } from '@carillon/db';
import { createTelemetry, isTraceparent, traceIdOf } from '@carillon/telemetry';
import {
  eventually,
  startOtlpReceiver,
  startPostgres,
  startRedis,
  startRedisCluster,
  startSentinelledRedis,
} from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobsBackend } from './backend.ts';
import { createQueues, type Queues } from './queues.ts';
import { createWorker, type JobHandlers, type JobWorker } from './worker.ts';

const telemetryFor = (endpoint?: string) =>
  createTelemetry({
    service: 'jobs-test',
    instanceId: 'test',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
    ...(endpoint !== undefined && {
      otel: {
        disabled: false,
        serviceName: undefined,
        resourceAttributes: undefined,
        tracesExporter: 'otlp',
        endpoint,
        tracesEndpoint: undefined,
        protocol: 'http/json',
        tracesProtocol: undefined,
        headers: undefined,
        exportTimeoutMs: 10_000,
        sampler: 'always_on',
        samplerRatio: 1,
        scheduleDelayMs: 50,
        maxQueueSize: 100,
        maxExportBatchSize: 50,
      },
    }),
  });

interface Started {
  readonly backend: JobsBackend;
  stop(): Promise<void>;
}

const onRedis = (url: string): JobsBackend => ({
  kind: 'redis',
  url,
  prefix: 'test',
  connectTimeoutMs: 20_000,
});

const BACKENDS: readonly (readonly [string, () => Promise<Started>])[] = [
  [
    'Redis',
    async () => {
      const redis = await startRedis();
      return { backend: onRedis(redis.url), stop: () => redis.stop() };
    },
  ],
  [
    'Redis Cluster',
    async () => {
      // No node is taken for failed that only stands still for a while.
      const cluster = await startRedisCluster({ config: { 'cluster-node-timeout': '15000' } });
      return { backend: onRedis(cluster.url), stop: () => cluster.stop() };
    },
  ],
  [
    'Redis Sentinel',
    async () => {
      const redis = await startSentinelledRedis();
      return { backend: onRedis(redis.url), stop: () => redis.stop() };
    },
  ],
  [
    'Postgres',
    async () => {
      const postgres = await startPostgres();
      return {
        backend: {
          kind: 'postgres',
          connection: { connectionString: postgres.url },
          schema: 'carillon_jobs',
        },
        stop: () => postgres.stop(),
      };
    },
  ],
  [
    'PGlite',
    async () => {
      const { database, connection } = await openPglite({ dataDir: undefined }, telemetryFor());
      return {
        backend: { kind: 'postgres', connection: { ...connection }, schema: 'public' },
        stop: () => database.close(),
      };
    },
  ],
];

describe.each(BACKENDS)('jobs on %s', (_name, start) => {
  let started: Started;
  let queues: Queues;
  const workers: JobWorker[] = [];
  const none = { deletedMessages: 0, deletedDeadLetters: 0 };

  const work = async (retention: NonNullable<JobHandlers['retention']>, telemetry = telemetryFor()) => {
    const worker = createWorker({ backend: started.backend, telemetry, handlers: { retention } });
    workers.push(worker);
    await worker.start();
    return worker;
  };

  beforeAll(async () => {
    started = await start();
    queues = createQueues({ backend: started.backend, telemetry: telemetryFor(), requestTimeoutMs: 20_000 });
    await queues.start();
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await queues.stop();
    await started.stop();
  });

  it('does a job once for all who ask while it waits, tells its state, and repeats what failed', async () => {
    const options = { deduplicationId: 'now' };
    const id = await queues.enqueue('retention', { cause: 'request' }, options);
    expect(await queues.enqueue('retention', { cause: 'request' }, options)).toBe(id);
    expect(await queues.find('retention', id)).toMatchObject({ id, attemptsMade: 0, result: undefined });
    const seen: string[] = [];
    await work(async (input) => {
      seen.push(input.cause);
      if (seen.length === 1) throw new Error('the first time fails');
      return { deletedMessages: 3, deletedDeadLetters: 0 };
    });
    await eventually(async () => (await queues.find('retention', id))?.state === 'completed', {
      what: 'the job is completed',
      timeoutMs: 30_000,
    });
    expect(seen).toEqual(['request', 'request']);
    expect((await queues.find('retention', id))?.result).toEqual({
      deletedMessages: 3,
      deletedDeadLetters: 0,
    });
    expect(await queues.find('retention', 'nobody')).toBeUndefined();
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });

  it('carries the trace from who enqueues to the job', async () => {
    const receiver = await startOtlpReceiver();
    const telemetry = telemetryFor(receiver.url);
    const traced = createQueues({ backend: started.backend, telemetry, requestTimeoutMs: 20_000 });
    await traced.start();
    const root = telemetry.spans.startSpan('request');
    let trace: string | undefined;
    await work(async (_input, context) => {
      trace = context.trace;
      return none;
    }, telemetry);
    await traced.enqueue('retention', { cause: 'request' }, { trace: root.traceparent });
    await eventually(() => trace !== undefined, { what: 'the job runs', timeoutMs: 30_000 });
    root.end();
    expect(isTraceparent(trace!)).toBe(true);
    expect(traceIdOf(trace!)).toBe(traceIdOf(root.traceparent!));
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await traced.stop();
    await telemetry.shutdown();
    // A shutdown doesn't wait for a collector that is slow to answer.
    await receiver.waitForSpans((spans) => spans.length >= 3);
    expect(receiver.spans.map(({ name }) => name).toSorted()).toEqual([
      'jobs.enqueue retention',
      'jobs.process retention',
      'request',
    ]);
    await receiver.stop();
  });

  it('runs a repeated job once per interval, however many ask for it at the same moment', async () => {
    const ran: string[] = [];
    await work(async ({ cause }) => {
      ran.push(cause);
      return none;
    });
    const everyMs = 500;
    const askers = [1, 2, 3].map(() =>
      createQueues({ backend: started.backend, telemetry: telemetryFor(), requestTimeoutMs: 20_000 }),
    );
    await Promise.all(askers.map((asker) => asker.start()));
    // Where an interval ended meanwhile, it isn't known which was asked for, nor by whom.
    const [asked, perhapsAsked] = [new Set<number>(), new Set<number>()];
    while (asked.size < 5) {
      const before = Math.floor(Date.now() / everyMs);
      const asking = askers.map((asker) => asker.enqueueOncePer('retention', { cause: 'schedule' }, everyMs));
      const after = Math.floor(Date.now() / everyMs);
      if (before === after) asked.add(before);
      for (let n = before; n <= after; n++) perhapsAsked.add(n);
      await Promise.all(asking);
      await pause(120);
    }
    await queues.enqueue('retention', { cause: 'request' });
    const rounds = (): number => ran.filter((cause) => cause === 'schedule').length;
    await eventually(() => ran.includes('request') && rounds() >= asked.size, {
      what: 'each round, and what came after them',
      timeoutMs: 30_000,
    });
    expect(rounds()).toBeLessThanOrEqual(perhapsAsked.size);
    await Promise.all(askers.map((asker) => asker.stop()));
  });
});

describe('a Redis that lets nobody in', () => {
  const refusalBy = async (url: string): Promise<string> => {
    const backend: JobsBackend = { kind: 'redis', url, prefix: 'test', connectTimeoutMs: 20_000 };
    const queues = createQueues({ backend, telemetry: telemetryFor(), requestTimeoutMs: 2000 });
    return await queues.start().then(
      () => 'open',
      (error: Error) => error.message,
    );
  };

  it('is told with its cause, and no database stands for another', async () => {
    const locked = await startRedis({ config: { requirepass: 'sesame', databases: '2' } });
    try {
      const at = (access: string) => `redis://${access}127.0.0.1:${locked.port}`;
      expect(await refusalBy(at(''))).toMatch(/asks for a password/);
      expect(await refusalBy(at(':hunter2@'))).toMatch(/refuses the user or password/);
      expect(await refusalBy(`${at(':sesame@')}/2`)).toMatch(
        /database 2 of CARILLON_REDIS_URL can not be used/,
      );
      expect(await refusalBy(`${at(':sesame@')}/1`)).toBe('open');
    } finally {
      await locked.stop();
    }
  });
});
