/** Refusals of the log, with the texts that clients read. The same for every adapter. */
import { CarillonError } from '@carillon/protocol';
import type { PublishOutcome } from './ports.ts';

type Refused = Extract<PublishOutcome, { status: 'refused' }>;

const refused = (error: CarillonError): Refused => ({ status: 'refused', error });

export const refusals = {
  outOfOrder: (last: number, seq: number, prev: number): Refused =>
    refused(
      new CarillonError(
        'PRODUCER_OUT_OF_ORDER',
        `The last accepted sequence of this producer on the channel is ${last}; sequence ${seq} says that ${prev} comes before it. Send what is missing first.`,
        { lastSeq: last },
      ),
    ),
  conflict: (seq: number): Refused =>
    refused(
      new CarillonError(
        'PRODUCER_CONFLICT',
        `Producer sequence ${seq} was accepted with other content, or a later sequence has passed over it. Use a new producer id.`,
      ),
    ),
  windowPassed: (seq: number, last: number, window: number): Refused =>
    refused(
      new CarillonError(
        'PRODUCER_WINDOW_PASSED',
        `Producer sequence ${seq} is more than ${window} behind ${last}, the last accepted; repeats that old are not recognised.`,
      ),
    ),
  keyConflict: (): Refused => refused(new CarillonError('IDEMPOTENCY_CONFLICT')),
  logFull: (bound: number): Refused =>
    refused(
      new CarillonError(
        'LOG_FULL',
        `The log holds ${bound} messages that are not stored yet, which is its bound. Try again when storage has caught up.`,
        { retryAfterMs: 5000 },
      ),
    ),
  unavailable: (cause: unknown): Refused =>
    refused(
      new CarillonError('UNAVAILABLE', 'The message log is not reachable now; nothing was accepted.', {
        cause,
        retryAfterMs: 1000,
      }),
    ),
  unsettled: (): Refused =>
    refused(
      new CarillonError(
        'UNAVAILABLE',
        'The broker came back as another process and is being compared with the database; nothing was accepted.',
        { retryAfterMs: 100 },
      ),
    ),
  unknown: (cause: unknown): Refused =>
    refused(new CarillonError('OUTCOME_UNKNOWN', undefined, { cause, retryAfterMs: 1000 })),
} as const;
