/** Members shared by frames of several kinds. */
import type { ErrorCode } from './errors.ts';

export type RequestId = number | string;

/** A place in a channel: `seq` counts from 1 without gaps within an `epoch`; 0 is before the first message. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** Shortest wait before a retry, in milliseconds; absent: a backoff of the client's own. */
  readonly retryAfterMs?: number;
}
