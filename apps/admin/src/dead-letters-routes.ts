import {
  type Database,
  DatabaseError,
  type DeadLetterFilter,
  type DeadLetterRow,
  findDeadLetter,
  listDeadLetters,
  replayDeadLetter,
} from '@carillon/db';
import { CarillonError } from '@carillon/protocol';
import type { Logger } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parsed } from './parsed.ts';
import { refuseMembers } from './refuse-members.ts';

const MAX_LIMIT = 500;
/** A request doesn't walk through all that is hopeless. */
const MAX_REFUSED = 1000;

const filterMembers = {
  kind: z.enum(['message', 'webhook']).optional(),
  endpoint: z.string().min(1).max(64).optional(),
  app: z.string().min(1).max(64).optional(),
  channel: z.string().min(1).max(200).optional(),
};
const querySchema = z.strictObject({
  ...filterMembers,
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100),
  after: z
    .string()
    .regex(/^\d{1,17}:.{1,400}$/s)
    .optional(),
});
const LISTING = { config: { query: Object.keys(querySchema.shape) } };
const replaySchema = z.strictObject({
  ...filterMembers,
  limit: z.number().int().min(1).max(MAX_LIMIT).default(100),
});

/** `/v1/dead-letters`: what could not be stored or delivered; list, show, replay. */
export function registerDeadLetters(server: FastifyInstance, database: Database, logger: Logger): void {
  server.get('/v1/dead-letters', LISTING, async (request, reply) => {
    const { limit, after, ...filter } = parsed(querySchema, request.query, 'QUERY_INVALID');
    const rows = await available(() => listDeadLetters(database, filter, { after, limit }));
    const next = rows.length < limit ? undefined : rows.at(-1)?.cursor;
    reply.header('cache-control', 'no-store');
    return { deadLetters: rows.map(told), ...(next === undefined ? {} : { next }) };
  });
  server.get('/v1/dead-letters/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    const letter = await available(() => findDeadLetter(database, id));
    if (letter === undefined) throw gone();
    reply.header('cache-control', 'no-store');
    return { ...told(letter), content: letter.content };
  });
  server.post('/v1/dead-letters/:id/replay', async (request) => {
    refuseMembers(request.body);
    const { id } = request.params as { id: string };
    const replayed = await available(() => replayDeadLetter(database, id));
    if (replayed.result === 'gone') throw gone();
    logger.info({ deadLetter: id, ...replayed }, 'a dead letter was replayed');
    if (replayed.result === 'refused')
      throw new CarillonError('REPLAY_FAILED', `It was refused again: ${replayed.reason}`);
    return { id, result: replayed.result };
  });
  server.post('/v1/dead-letters/replay', async (request) => {
    const { limit, ...filter } = parsed(replaySchema, request.body ?? {}, 'BODY_INVALID');
    const result = await available(() => replayMany(database, filter, limit));
    logger.info({ ...filter, ...result }, 'dead letters were replayed');
    return result;
  });
}

interface ReplayedMany {
  readonly replayed: number;
  readonly refused: number;
  /** The limit was reached: there may be more. */
  readonly more: boolean;
}

/** The latest first; in which order deliveries go out is up to who delivers. Goes on beyond those that are refused. */
async function replayMany(
  database: Database,
  filter: DeadLetterFilter,
  limit: number,
): Promise<ReplayedMany> {
  let [replayed, refused] = [0, 0];
  let after: string | undefined;
  while (replayed < limit && refused < MAX_REFUSED) {
    const rows = await listDeadLetters(database, filter, { after, limit: limit - replayed });
    for (const { id } of rows) {
      const { result } = await replayDeadLetter(database, id);
      if (result === 'refused') refused++;
      else if (result !== 'gone') replayed++;
    }
    after = rows.at(-1)?.cursor;
    if (after === undefined) return { replayed, refused, more: false };
  }
  return { replayed, refused, more: true };
}

function told({ cursor: _, endpoint, event, failedAtMs, ...row }: DeadLetterRow): object {
  return {
    ...row,
    failedAt: Math.trunc(failedAtMs),
    ...(endpoint === null ? {} : { endpoint }),
    ...(event === null ? {} : { event }),
  };
}

function gone(): CarillonError {
  return new CarillonError('NOT_FOUND', 'There is no dead letter of this id, or no longer.');
}

async function available<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof DatabaseError)
      throw new CarillonError('UNAVAILABLE', 'The dead letters could not be reached now.', { cause });
    throw cause;
  }
}
