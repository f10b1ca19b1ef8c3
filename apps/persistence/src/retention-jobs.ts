import { createQueues, createWorker, type JobsBackend } from '@carillon/jobs';
import type { ServiceShell } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { createRetention } from './retention.ts';

const EVERY_MS = 600_000;

export interface RetentionOptions {
  /** Where jobs are kept. */
  readonly jobs: JobsBackend;
  /** Jobs wait for this. Default: nothing. */
  readonly opensAfter?: Promise<unknown> | undefined;
}

/**
 * Works on retention jobs and has one scheduled. In a loop of its own: the store of the jobs may be away without anything
 * else having to wait for it.
 */
export function addRetentionJobs(
  shell: ServiceShell,
  { jobs: backend, opensAfter }: RetentionOptions,
  telemetry: Telemetry,
  retention: ReturnType<typeof createRetention>,
): void {
  const handlers = { retention: (_input: unknown, { signal }: { signal: AbortSignal }) => retention(signal) };
  const worker = createWorker({ backend, telemetry, handlers });
  const queues = createQueues({ backend, telemetry });
  let opened = 0;
  const open = async (): Promise<void> => {
    // One after the other: what was opened stays open when the next fails and is tried again.
    if (opened === 0) await queues.start();
    opened = Math.max(opened, 1);
    if (opened === 1) await worker.start();
    opened = 2;
  };
  shell.add({
    name: 'jobs',
    // BullMQ may wait long for a store that went away; nothing is lost when it isn't waited for.
    stopTimeoutMs: 3000,
    stop: async () => {
      await Promise.all([worker.stop(), queues.stop()]);
    },
  });
  shell.addLoop({
    name: 'schedule retention',
    startsAfter: opensAfter,
    run: async () => {
      await open();
      await queues.enqueueOncePer('retention', { cause: 'schedule' }, EVERY_MS);
    },
    // More often than the interval, so that none is missed.
    everyMs: EVERY_MS / 2,
    onCritical: 'retry',
  });
}
