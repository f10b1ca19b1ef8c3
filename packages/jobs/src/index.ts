export type { JobsBackend } from './backend.ts';
export {
  JOBS,
  type JobDefinition,
  type JobInput,
  type JobName,
  type JobOutput,
} from './catalogue.ts';
export { JobsUnavailableError, JobTimeoutError } from './jobs-error.ts';
export {
  createQueues,
  type EnqueueOptions,
  type JobStatus,
  type Queues,
  type QueuesOptions,
} from './queues.ts';
export {
  createWorker,
  type JobContext,
  type JobHandlers,
  type JobWorker,
  type WorkerDependencies,
} from './worker.ts';
