import { METRICS, type Telemetry } from '@carillon/telemetry';
import type { Worker } from 'bullmq';
import { bindBackend, type JobsBackend } from './backend.ts';
import { BackendTrouble } from './backend-trouble.ts';
import { JOBS, type JobInput, type JobName, type JobOutput } from './catalogue.ts';
import { JobTimeoutError } from './jobs-error.ts';
import { openAll } from './ready.ts';

const START_TIMEOUT_MS = 10_000;

export interface JobContext {
  readonly id: string;
  /** Traceparent of the job's span, when it is sampled. */
  readonly trace: string | undefined;
  /** Aborts when the job takes too long, or the worker is stopped. */
  readonly signal: AbortSignal;
}

/** Handlers by job name. Each may be called again with the same input: delivery is at least once. */
export type JobHandlers = {
  readonly [N in JobName]?: (input: JobInput<N>, context: JobContext) => Promise<JobOutput<N>>;
};

export interface WorkerDependencies {
  readonly backend: JobsBackend;
  readonly telemetry: Telemetry;
  readonly handlers: JobHandlers;
}

export interface JobWorker {
  /** Rejects when the backend isn't there; may then be called again. */
  start(): Promise<void>;
  /** Aborts what is under way; it is tried again by another worker, or after the next start. */
  stop(): Promise<void>;
}

/** Works on the jobs that have a handler, one of each kind at a time. */
export function createWorker(deps: WorkerDependencies): JobWorker {
  const abort = new AbortController();
  const workers: Worker[] = [];
  const run = jobRunner(deps, abort.signal);
  return {
    start: async () => {
      const bound = await bindBackend(deps.backend);
      const logger = deps.telemetry.loggerOf('jobs');
      const trouble = new BackendTrouble(deps.backend, deps.telemetry);
      const opened = (Object.keys(deps.handlers) as JobName[]).map((name) => {
        const worker = bound.worker(name, (job) => run(name, job), { concurrency: 1, autorun: false });
        worker.on('error', (error) => trouble.tell(error, { job: name }, 'trouble with the worker'));
        return worker;
      });
      await openAll(opened, START_TIMEOUT_MS, trouble);
      workers.push(...opened);
      for (const worker of opened)
        worker.run().catch((error: unknown) => logger.error({ err: error }, 'a worker of jobs ended'));
    },
    stop: async () => {
      abort.abort(new Error('the worker is stopped'));
      await Promise.all(workers.splice(0).map((worker) => worker.close()));
    },
  };
}

type Run = (name: JobName, job: { id?: string; data: unknown }) => Promise<unknown>;

function jobRunner({ telemetry, handlers }: WorkerDependencies, stopping: AbortSignal): Run {
  const results = telemetry.metrics.counters(METRICS.jobs);
  const seconds = telemetry.metrics.histograms(METRICS.jobSeconds);
  const logger = telemetry.loggerOf('jobs');
  return async (name, job) => {
    const { input, trace } = job.data as { input: unknown; trace?: string };
    const id = job.id ?? '';
    const span = telemetry.spans.startChild(`jobs.process ${name}`, trace, {
      kind: 'consumer',
      attributes: { 'carillon.job': name, 'carillon.job_id': id },
    });
    const startMs = performance.now();
    try {
      const handler = handlers[name]!;
      const given = JOBS[name].input.parse(input);
      const result = await withinTimeout(name, stopping, (signal) =>
        handler(given, { id, trace: span.traceparent, signal }),
      );
      results.labels(name, 'completed').add();
      logger.info({ job: name, jobId: id, ...result }, 'job completed');
      return JOBS[name].output.parse(result);
    } catch (error) {
      results.labels(name, 'failed').add();
      span.fail(error);
      logger.warn({ job: name, jobId: id, err: error }, 'job failed');
      throw error;
    } finally {
      seconds.labels(name).observe((performance.now() - startMs) / 1000);
      span.end();
    }
  };
}

async function withinTimeout<T>(
  name: JobName,
  stopping: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs } = JOBS[name];
  const late = new AbortController();
  const signal = AbortSignal.any([late.signal, stopping]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(
    () => late.abort(new JobTimeoutError(`${name} took longer than ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    signal.throwIfAborted();
    return await Promise.race([aborted, work(signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
