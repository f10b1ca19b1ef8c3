import { createHash } from 'node:crypto';
import type { HistoryEntry } from '@carillon/broker';
import {
  addSchedule,
  cancelSchedule,
  type Database,
  findSchedule,
  listSchedules,
  type ScheduleLimits,
  type ScheduleRow,
} from '@carillon/db';
import {
  CarillonError,
  type NewScheduledMessage,
  type ScheduleAnswer,
  type ScheduledMessage,
  type ScheduleRequest,
} from '@carillon/protocol';

const MAX_LISTED = 200;

export interface ScheduleAnswersDependencies {
  readonly database: Database;
  readonly limits: ScheduleLimits;
  /** A message was added that is due then, in milliseconds since 1970. */
  readonly onAdded: (deliverAtMs: number) => void;
}

/** Answers gateways' requests about scheduled messages. */
export class ScheduleAnswers {
  readonly #deps: ScheduleAnswersDependencies;

  constructor(deps: ScheduleAnswersDependencies) {
    this.#deps = deps;
  }

  /** One entry, its record is the answer. @throws DatabaseError when it isn't known what was done. */
  async answer(place: { readonly app: string; readonly channel: string }, text: string) {
    const answer = await this.#answer(place, JSON.parse(text) as ScheduleRequest).catch(
      (error: unknown): ScheduleAnswer => {
        if (!(error instanceof CarillonError)) throw error;
        return { error: { code: error.code, message: error.message } };
      },
    );
    return [{ epoch: '', seq: 0, record: JSON.stringify(answer) }] satisfies readonly HistoryEntry[];
  }

  async #answer(
    { app, channel }: { readonly app: string; readonly channel: string },
    request: ScheduleRequest,
  ): Promise<ScheduleAnswer> {
    const { database } = this.#deps;
    switch (request.action) {
      case 'add':
        return { schedules: [await this.#add(app, channel, request.message)] };
      case 'list': {
        const limit = Math.min(request.limit, MAX_LISTED);
        return { schedules: (await listSchedules(database, { ...request, app, limit })).map(told) };
      }
      case 'find':
        return { schedules: [told(existing(await findSchedule(database, app, request.id)))] };
      case 'cancel': {
        const row = existing(await cancelSchedule(database, app, request.id));
        if (row.state !== 'cancelled')
          throw new CarillonError(
            'SCHEDULE_NOT_PENDING',
            `The message is ${row.state}: only one that nobody has begun to publish can be cancelled.`,
          );
        return { schedules: [told(row)] };
      }
    }
  }

  async #add(app: string, channel: string, message: NewScheduledMessage): Promise<ScheduledMessage> {
    const { database, limits, onAdded } = this.#deps;
    const { id, owner, idempotencyKey, event, trace, payload, deliverAtMs, delayMs } = message;
    const hashed = JSON.stringify([channel, event ?? null, payload, deliverAtMs ?? null, delayMs ?? null]);
    const requestHash = createHash('sha256').update(hashed).digest('base64url');
    const added = await addSchedule(
      database,
      { id, app, channel, owner, idempotencyKey, requestHash, event, trace, payload, deliverAtMs, delayMs },
      limits,
    );
    if (!('row' in added)) throw refusal(added.outcome, limits);
    if (added.row.requestHash !== requestHash)
      throw new CarillonError('IDEMPOTENCY_CONFLICT', 'This Idempotency-Key scheduled another message.');
    if (added.outcome === 'repeated') return { ...told(added.row), duplicate: true };
    onAdded(added.row.deliverAtMs);
    return told(added.row);
  }
}

function refusal(outcome: 'past' | 'too-far' | 'full', limits: ScheduleLimits): CarillonError {
  switch (outcome) {
    case 'past':
      return new CarillonError('SCHEDULE_IN_PAST', 'deliverAt has passed by the clock of the database.');
    case 'too-far':
      return new CarillonError(
        'SCHEDULE_TOO_FAR',
        `At most ${Math.floor(limits.maxAheadMs / 1000)} seconds ahead are allowed.`,
      );
    case 'full':
      return new CarillonError(
        'SCHEDULE_LIMIT',
        `${limits.maxPerApp} messages of this app are scheduled, more are not allowed.`,
      );
  }
}

function existing(row: ScheduleRow | undefined): ScheduleRow {
  if (row !== undefined) return row;
  throw new CarillonError('NOT_FOUND', 'There is no scheduled message of this id, or no longer.');
}

function told(row: ScheduleRow): ScheduledMessage {
  return {
    id: row.id,
    channel: row.channel,
    event: row.event ?? undefined,
    deliverAt: row.deliverAtMs,
    state: row.state,
    createdAt: Math.trunc(row.createdAtMs),
    finishedAt: row.finishedAtMs === null ? undefined : Math.trunc(row.finishedAtMs),
    epoch: row.epoch ?? undefined,
    seq: row.seq ?? undefined,
    error: row.error ?? undefined,
  };
}
