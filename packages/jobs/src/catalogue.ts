import { z } from 'zod';

/** One kind of job. Each has a queue of its own, of the same name. */
export interface JobDefinition {
  /** Input of the job's handler; validated when it is enqueued and when it is taken. */
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  /** Times it is tried, the first included. */
  readonly attempts: number;
  /** Delay before the second attempt, doubled with each further one. */
  readonly backoffMs: number;
  /** An attempt that takes longer is aborted and counts as failed. */
  readonly timeoutMs: number;
}

/** Every job of the installation. */
export const JOBS = {
  /** Deletes stored messages that are older than their namespace keeps them. */
  retention: {
    input: z.strictObject({
      /** Origin of the job: the schedule, or a request to the admin API. */
      cause: z.enum(['schedule', 'request']),
    }),
    output: z.strictObject({
      deletedMessages: z.number().int().min(0),
      deletedDeadLetters: z.number().int().min(0),
    }),
    attempts: 5,
    backoffMs: 2000,
    timeoutMs: 600_000,
  },
} as const satisfies Record<string, JobDefinition>;

export type JobName = keyof typeof JOBS;
export type JobInput<N extends JobName> = z.infer<(typeof JOBS)[N]['input']>;
export type JobOutput<N extends JobName> = z.infer<(typeof JOBS)[N]['output']>;

/** A job as stored in the queue. */
export interface JobData<N extends JobName = JobName> {
  readonly input: JobInput<N>;
  /** W3C traceparent of who enqueued it, when that is sampled. */
  readonly trace?: string | undefined;
}
