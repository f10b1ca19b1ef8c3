/** Messages between gateways and persistence about scheduled messages. The two may differ by one version. */
import type { ErrorCode } from './errors.ts';

/** A scheduled message as it is told to back ends. Times are milliseconds since 1970-01-01 UTC. */
export interface ScheduledMessage {
  readonly id: string;
  readonly channel: string;
  readonly event?: string | undefined;
  readonly deliverAt: number;
  readonly state: 'pending' | 'publishing' | 'published' | 'cancelled' | 'failed';
  readonly createdAt: number;
  readonly finishedAt?: number | undefined;
  /** Once published. */
  readonly epoch?: string | undefined;
  readonly seq?: number | undefined;
  /** Code of the last error. */
  readonly error?: string | undefined;
  /** The request was known by its Idempotency-Key: this is what the first one made. */
  readonly duplicate?: true | undefined;
}

export interface NewScheduledMessage {
  /** Made by the gateway, so that the same request may come twice. */
  readonly id: string;
  /** The scheduling user, `''` for an anonymous one. */
  readonly owner: string;
  readonly idempotencyKey?: string | undefined;
  readonly event?: string | undefined;
  readonly trace?: string | undefined;
  /** JSON text as it came. */
  readonly payload: string;
  /** One of the two is there. */
  readonly deliverAtMs?: number | undefined;
  readonly delayMs?: number | undefined;
}

export type ScheduleRequest =
  | { readonly action: 'add'; readonly message: NewScheduledMessage }
  | { readonly action: 'find' | 'cancel'; readonly id: string }
  | {
      readonly action: 'list';
      readonly channel?: string | undefined;
      /** Only those on channels of these capability patterns. Absent from gateways of 0.1, which leave out the others themselves. */
      readonly allowed?: readonly string[] | undefined;
      readonly state?: ScheduledMessage['state'] | undefined;
      readonly after?: { readonly deliverAtMs: number; readonly id: string } | undefined;
      readonly limit: number;
    };

export type ScheduleAnswer =
  | { readonly schedules: readonly ScheduledMessage[] }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };
