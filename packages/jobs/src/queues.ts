import type { Telemetry } from '@carillon/telemetry';
import type { Job, Queue } from 'bullmq';
import { type BoundBackend, bindBackend, type JobsBackend } from './backend.ts';
import { BackendTrouble } from './backend-trouble.ts';
import { JOBS, type JobData, type JobInput, type JobName, type JobOutput } from './catalogue.ts';
import { JobsUnavailableError } from './jobs-error.ts';
import { answered, openAll } from './ready.ts';

/** Finished jobs that are kept, for whoever asks for their result. */
const KEEP_COMPLETED = { age: 86_400, count: 1000 };
const KEEP_FAILED = { age: 7 * 86_400, count: 1000 };
const DEFAULT_REQUEST_TIMEOUT_MS = 5000;

export interface QueuesOptions {
  readonly backend: JobsBackend;
  readonly telemetry: Telemetry;
  /** A request to the backend that takes longer has failed. Default 5000. */
  readonly requestTimeoutMs?: number;
}

export interface EnqueueOptions {
  /** Traceparent of the cause. */
  readonly trace?: string | undefined;
  /** While a job of this id waits or runs, enqueueing answers that job instead of adding another. */
  readonly deduplicationId?: string;
}

/** A job as it is told to people. */
export interface JobStatus<N extends JobName = JobName> {
  readonly id: string;
  readonly name: N;
  readonly state: string;
  readonly attemptsMade: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Milliseconds since 1970; `undefined` while it is not finished. */
  readonly finishedAtMs: number | undefined;
  readonly result: JobOutput<N> | undefined;
  readonly error: string | undefined;
}

/** All methods reject with {@link JobsUnavailableError} when the backend doesn't answer. */
export interface Queues {
  /** Rejects when the backend isn't there; may then be called again. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves with the job's id. @throws ZodError when the input is wrong. */
  enqueue<N extends JobName>(name: N, input: JobInput<N>, options?: EnqueueOptions): Promise<string>;
  /**
   * Adds the job of the present interval of `everyMs`, unless somebody did: it runs once per interval, however many ask.
   * To be called at least once per interval, for as long as the job shall be repeated.
   */
  enqueueOncePer<N extends JobName>(name: N, input: JobInput<N>, everyMs: number): Promise<void>;
  /** `undefined` when there is no such job, or no longer. */
  find<N extends JobName>(name: N, id: string): Promise<JobStatus<N> | undefined>;
}

const OPTIONS = Object.fromEntries(
  Object.entries(JOBS).map(([name, { attempts, backoffMs }]) => [
    name,
    {
      attempts,
      backoff: { type: 'exponential', delay: backoffMs },
      removeOnComplete: KEEP_COMPLETED,
      removeOnFail: KEEP_FAILED,
    },
  ]),
);

/** A queue per job name, typed by the catalogue. */
export function createQueues(options: QueuesOptions): Queues {
  return new CatalogueQueues(options);
}

class CatalogueQueues implements Queues {
  readonly #options: QueuesOptions;
  readonly #requestTimeoutMs: number;
  readonly #trouble: BackendTrouble;
  readonly #queues = new Map<JobName, Queue>();

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.#trouble = new BackendTrouble(options.backend, options.telemetry);
    this.#requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  }

  async start(): Promise<void> {
    const bound: BoundBackend = await bindBackend(this.#options.backend);
    const queues = (Object.keys(JOBS) as JobName[]).map((name) => {
      const queue = bound.queue(name);
      queue.on('error', (error) => this.#trouble.tell(error, { job: name }, 'trouble with the queue'));
      return [name, queue] as const;
    });
    await openAll(
      queues.map(([, queue]) => queue),
      this.#requestTimeoutMs,
      this.#trouble,
    );
    for (const [name, queue] of queues) this.#queues.set(name, queue);
  }

  async stop(): Promise<void> {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    await Promise.all(queues.map((queue) => queue.close()));
  }

  async enqueue<N extends JobName>(
    name: N,
    input: JobInput<N>,
    { trace, deduplicationId }: EnqueueOptions = {},
  ): Promise<string> {
    const span = this.#options.telemetry.spans.startChild(`jobs.enqueue ${name}`, trace, {
      kind: 'producer',
    });
    try {
      const data: JobData<N> = {
        input: JOBS[name].input.parse(input) as JobInput<N>,
        trace: span.traceparent,
      };
      const deduplication = deduplicationId === undefined ? {} : { deduplication: { id: deduplicationId } };
      const job = await this.#within(
        (queue) => queue.add(name, data, { ...OPTIONS[name], ...deduplication }),
        name,
      );
      return job.id!;
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  // Not by BullMQ's job schedulers: on Postgres, two upserts at the same moment, or one beside a worker that begins an
  // iteration, leave a scheduler without a next iteration (2 of 9 chains with three callers), and it never runs again.
  async enqueueOncePer<N extends JobName>(name: N, input: JobInput<N>, everyMs: number): Promise<void> {
    const data = { input: JOBS[name].input.parse(input) };
    const jobId = `every-${everyMs}-${Math.floor(Date.now() / everyMs)}`;
    await this.#within((queue) => queue.add(name, data, { ...OPTIONS[name], jobId }), name);
  }

  async find<N extends JobName>(name: N, id: string): Promise<JobStatus<N> | undefined> {
    const job = (await this.#within((queue) => queue.getJob(id), name)) as Job | undefined;
    if (job === undefined || job === null) return undefined;
    const state = await this.#within(() => job.getState(), name);
    return {
      id,
      name,
      state,
      attemptsMade: job.attemptsMade,
      createdAtMs: job.timestamp,
      finishedAtMs: job.finishedOn ?? undefined,
      result: (job.returnvalue as JobOutput<N> | null) ?? undefined,
      error: job.failedReason || undefined,
    };
  }

  #within<T>(request: (queue: Queue) => Promise<T>, name: JobName): Promise<T> {
    const ask = (): Promise<T> => {
      const queue = this.#queues.get(name);
      if (queue === undefined) throw new JobsUnavailableError(`the queue ${name} is not open`);
      return request(queue);
    };
    return answered(`the queue ${name}`, this.#requestTimeoutMs, ask, this.#trouble);
  }
}
