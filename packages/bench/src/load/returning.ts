/** Many clients that are dropped at once and come back, as seen by the scenario that steers them. */
import type { ResumeReport, ResumingPlan } from './plan.ts';

export type ReturningPlan = Omit<ResumingPlan, 'role'>;

export interface Returns {
  /** Of the load, since the mark. */
  readonly cpuUs: number;
  /** From drop to resumed, in microseconds. */
  readonly resumeUs: readonly number[];
  readonly problems: readonly string[];
}

export interface Returning {
  /** Connects all; resolves when all are subscribed. */
  open(): Promise<void>;
  /** Times and CPU are measured from here on; counts from the first message on. */
  mark(): Promise<void>;
  /** Drops the first `count` connections at once; resolves when all are back. */
  drop(atUs: number, count: number): Promise<void>;
  returns(): Promise<Returns>;
  /** Waits for what is under way and compares what came with what was published, by channel. */
  finish(published: Readonly<Record<string, number>>): Promise<ResumeReport>;
  end(): void;
}
