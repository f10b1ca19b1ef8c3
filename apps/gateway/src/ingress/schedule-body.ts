/** Reads what requests about scheduled messages hold. */
import { CarillonError, type NewScheduledMessage, type ScheduledMessage } from '@carillon/protocol';
import { type BodyLimits, readPublishBody } from './http-body.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 200;
/** A time without its zone would mean another one on each server. */
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
/** The last moment that a Date can hold. */
const MAX_TIME_MS = 8_640_000_000_000_000;
const STATES = ['pending', 'publishing', 'published', 'cancelled', 'failed'] as const;
const SCHEDULE_MEMBERS = ['payload', 'event', 'deliverAt', 'delayMs'];
const CURSOR = /^(\d{1,16}):(s-[0-9a-z]{1,62})$/;

type Schedule = Pick<NewScheduledMessage, 'payload' | 'event' | 'deliverAtMs' | 'delayMs'>;

/** `{"payload", "event", "deliverAt" | "delayMs"}`. @throws CarillonError naming the member. */
export function readSchedule(text: string, limits: BodyLimits): Schedule {
  const { isBatch, messages } = readPublishBody(text, limits, SCHEDULE_MEMBERS);
  if (isBatch) throw new CarillonError('BODY_INVALID', 'messages: a batch can not be scheduled.');
  const { payloadJson: payload, event } = messages[0]!;
  const { deliverAt, delayMs } = JSON.parse(text) as { deliverAt?: unknown; delayMs?: unknown };
  if ((deliverAt === undefined) === (delayMs === undefined))
    throw new CarillonError('BODY_INVALID', 'Give one of deliverAt and delayMs.');
  return delayMs === undefined
    ? { payload, event, deliverAtMs: readTime(deliverAt) }
    : { payload, event, delayMs: readDelay(delayMs) };
}

function readDelay(delay: unknown): number {
  if (typeof delay !== 'number' || !Number.isInteger(delay))
    throw new CarillonError('BODY_INVALID', 'delayMs: allowed is a whole number of milliseconds.');
  if (delay < 0) throw new CarillonError('SCHEDULE_IN_PAST', 'delayMs is below 0.');
  if (delay > MAX_TIME_MS) throw new CarillonError('SCHEDULE_TOO_FAR');
  return delay;
}

function readTime(time: unknown): number {
  const ms = typeof time === 'string' && ISO_TIME.test(time) && isDay(time) ? Date.parse(time) : time;
  if (typeof ms !== 'number' || !Number.isInteger(ms))
    throw new CarillonError(
      'BODY_INVALID',
      'deliverAt: allowed are milliseconds since 1970, or ISO 8601 with a zone: "2027-01-31T09:00:00Z".',
    );
  if (ms < 0) throw new CarillonError('SCHEDULE_IN_PAST');
  if (ms > MAX_TIME_MS) throw new CarillonError('SCHEDULE_TOO_FAR');
  return ms;
}

/** Date.parse takes 30 February for 2 March. */
function isDay(time: string): boolean {
  const day = time.slice(0, 10);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(midnight) && new Date(midnight).toISOString().startsWith(day);
}

export function stateOf(text: string | undefined): ScheduledMessage['state'] | undefined {
  if (text === undefined) return undefined;
  const state = STATES.find((known) => known === text);
  if (state === undefined)
    throw new CarillonError('QUERY_INVALID', `state: allowed is one of ${STATES.join(', ')}.`);
  return state;
}

export function limitOf(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new CarillonError('QUERY_INVALID', `limit: allowed is an integer from 1 to ${MAX_LIMIT}.`);
}

/** Place of a scheduled message in the list, to go on from. */
export function cursorText({ deliverAt, id }: ScheduledMessage): string {
  return `${deliverAt}:${id}`;
}

export function cursorOf(
  text: string | undefined,
): { readonly deliverAtMs: number; readonly id: string } | undefined {
  if (text === undefined) return undefined;
  const found = CURSOR.exec(text);
  if (found === null) throw new CarillonError('QUERY_INVALID', 'after: allowed is `next` of an answer.');
  return { deliverAtMs: Number(found[1]), id: found[2]! };
}
