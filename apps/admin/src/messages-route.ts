import { type Database, DatabaseError, readAfter, readBefore, type StoredEntry } from '@carillon/db';
import { CarillonError, channelNameFault, decodeRecord, type Position } from '@carillon/protocol';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { parsed } from './parsed.ts';

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 100;
const POSITION = /^([0-9a-z]{1,32}):(\d{1,15})$/;

const querySchema = z
  .strictObject({
    app: z
      .string()
      .regex(/^[^/\0]{1,64}$/)
      .default('default'),
    limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
    /** `<epoch>:<seq>`; `start`: from the oldest. */
    after: z.union([z.literal('start'), z.string().regex(POSITION)]).optional(),
    before: z.string().regex(POSITION).optional(),
  })
  .refine(
    ({ after, before }) => after === undefined || before === undefined,
    'give `after` or `before`, not both',
  );

const PARAMETERS = Object.keys(querySchema.shape);

export type MessagesQuery = z.infer<typeof querySchema>;

/**
 * `GET /v1/channels/{channel}/messages`: stored messages over all epochs. Newest first from the end or `before` a position,
 * oldest first `after` one. `next` is the position to go on from; absent when there is no more.
 */
export function registerMessages(server: FastifyInstance, database: Database): void {
  server.get('/v1/channels/:channel/messages', { config: { query: PARAMETERS } }, async (request, reply) => {
    const { channel } = request.params as { channel: string };
    if (channelNameFault(channel) !== undefined)
      throw new CarillonError(
        'CHANNEL_INVALID',
        `The channel name is not allowed: ${channelNameFault(channel)}`,
      );
    const query = parsed(querySchema, request.query, 'QUERY_INVALID', 'query');
    return await answer(reply, query, channel, await read(database, channel, query));
  });
}

async function read(
  database: Database,
  channel: string,
  query: MessagesQuery,
): Promise<readonly StoredEntry[]> {
  const place = { app: query.app, channel };
  const bounds = { limit: query.limit };
  try {
    if (query.after !== undefined) return await readAfter(database, place, positionOf(query.after), bounds);
    return await readBefore(database, place, positionOf(query.before), bounds);
  } catch (cause) {
    if (cause instanceof DatabaseError)
      throw new CarillonError('UNAVAILABLE', 'The stored messages could not be read now.', { cause });
    throw cause;
  }
}

function positionOf(text: string | undefined): Position | undefined {
  const found = POSITION.exec(text ?? '');
  return found === null ? undefined : { epoch: found[1]!, seq: Number(found[2]) };
}

/** Payloads are put in as they are stored: parsed and written again, large numbers would change. */
function answer(
  reply: FastifyReply,
  { app }: MessagesQuery,
  channel: string,
  entries: readonly StoredEntry[],
): FastifyReply {
  const messages = entries.map(({ epoch, seq, record }) => {
    const { payload } = decodeRecord(record);
    const header = record.slice(1, record.indexOf('\n') - 1);
    return `{"epoch":"${epoch}","seq":${seq}${header === '' ? '' : `,${header}`},"payload":${payload}}`;
  });
  const last = entries.at(-1);
  const next = last === undefined ? '' : `,"next":${JSON.stringify(`${last.epoch}:${last.seq}`)}`;
  const start = `{"app":${JSON.stringify(app)},"channel":${JSON.stringify(channel)}`;
  return reply
    .type('application/json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(`${start},"messages":[${messages.join(',')}]${next}}`);
}
