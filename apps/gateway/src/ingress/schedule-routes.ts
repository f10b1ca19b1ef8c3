import { randomBytes } from 'node:crypto';
import { allows, type Identity, patternsAllowing } from '@carillon/auth';
import type { Broker } from '@carillon/broker';
import {
  CarillonError,
  CHANNEL_NAME_ALPHABET,
  channelNameFault,
  MAX_CHANNEL_NAME_LENGTH,
  type ScheduleAnswer,
  type ScheduledMessage,
  type ScheduleRequest,
} from '@carillon/protocol';
import { isTraceparent } from '@carillon/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { identityOf } from '../admission/http-admission.ts';
import { channelKey } from '../channels/channel-name.ts';
import { anonymousKey } from './dedupe-of.ts';
import type { BodyLimits } from './http-body.ts';
import { permissionError } from './permission-error.ts';
import { cursorOf, cursorText, limitOf, readSchedule, stateOf } from './schedule-body.ts';

const ASK_TIMEOUT_MS = 5000;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
/** Says what persistence says of an id that it doesn't know. */
const UNKNOWN_ID = 'There is no scheduled message of this id, or no longer.';
/** Ids of scheduled messages, which become ids of messages. */
const SCHEDULE_ID = /^s-[0-9a-z]{1,62}$/;

export interface ScheduleRoutesDependencies {
  readonly authenticate: onRequestAsyncHookHandler;
  readonly broker: Broker;
  readonly gateway: string;
  readonly limits: BodyLimits;
}

/**
 * Routes of scheduled messages, for back ends. Persistence stores them and is asked through the broker, as for stored
 * history. The `publish` capability on the channel allows to schedule, list and cancel.
 */
export class ScheduleRoutes {
  readonly #deps: ScheduleRoutesDependencies;

  constructor(deps: ScheduleRoutesDependencies) {
    this.#deps = deps;
  }

  /** After the routes of messages, whose parser of bodies this shares. */
  register(server: FastifyInstance): void {
    const { authenticate: onRequest } = this.#deps;
    server.post('/v1/channels/:channel/schedules', { onRequest }, (request, reply) =>
      this.#add(request, reply),
    );
    server.get(
      '/v1/schedules',
      { onRequest, config: { query: ['channel', 'state', 'after', 'limit'] } },
      (request, reply) => this.#list(request, reply),
    );
    server.get('/v1/schedules/:id', { onRequest }, async (request, reply) => {
      const { found } = await this.#find(request);
      return await reply.header('cache-control', 'no-store').send(found);
    });
    server.delete('/v1/schedules/:id', { onRequest }, async (request) => {
      const { identity, found } = await this.#find(request);
      const [cancelled] = await this.#ask(identity.app, found.channel, { action: 'cancel', id: found.id });
      return cancelled;
    });
  }

  async #add(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const identity = identityOf(request);
    const channel = checkedChannel((request.params as { channel: string }).channel);
    if (!allows(identity.capabilities, 'publish', channel)) throw denied(identity, channel);
    if (typeof request.body !== 'string')
      throw new CarillonError('CONTENT_TYPE_UNSUPPORTED', 'There is no JSON body: send application/json.');
    const message = readSchedule(request.body, this.#deps.limits);
    const { traceparent } = request.headers;
    const [schedule] = await this.#ask(identity.app, channel, {
      action: 'add',
      message: {
        ...message,
        id: `s-${this.#deps.broker.nowMs().toString(36)}${randomBytes(8).toString('hex')}`,
        owner: identity.userId ?? '',
        idempotencyKey: ownKey(idempotencyKeyOf(request), identity, `${channel}\n${request.body}`),
        // Only the trace of somebody who records it: the last two digits say so.
        trace: isTraceparent(traceparent) && traceparent.endsWith('1') ? traceparent : undefined,
      },
    });
    const { id, duplicate } = schedule!;
    return await reply
      .code(duplicate ? 200 : 201)
      .header('location', `/v1/schedules/${id}`)
      .send(schedule);
  }

  async #list(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const identity = identityOf(request);
    const query = request.query as Readonly<Record<string, string | undefined>>;
    const channel = query.channel === undefined ? undefined : checkedChannel(query.channel);
    const limit = limitOf(query.limit);
    const { capabilities } = identity;
    const allowed = patternsAllowing(capabilities, 'publish');
    if (channel !== undefined && !allows(capabilities, 'publish', channel)) throw denied(identity, channel);
    if (allowed.length === 0)
      throw permissionError(identity, 'seeing scheduled messages', 'publish', 'some channel');
    const page = await this.#ask(identity.app, channel ?? '', {
      action: 'list',
      channel,
      allowed,
      state: stateOf(query.state),
      after: cursorOf(query.after),
      limit,
    });
    // Persistence of 0.1 answers with all: nothing of the others is told, their time and id in `next` included.
    const schedules = page.filter((schedule) => allows(capabilities, 'publish', schedule.channel));
    const last = page.length < limit ? undefined : schedules.at(-1);
    return await reply.header('cache-control', 'no-store').send({
      schedules,
      ...(last === undefined ? {} : { next: cursorText(last) }),
    });
  }

  async #find(
    request: FastifyRequest,
  ): Promise<{ readonly identity: Identity; readonly found: ScheduledMessage }> {
    const identity = identityOf(request);
    const { id } = request.params as { id: string };
    if (!SCHEDULE_ID.test(id))
      throw new CarillonError('NOT_FOUND', 'This is not the id of a scheduled message.');
    const [found] = await this.#ask(identity.app, '', { action: 'find', id });
    // Same answer as for an unknown id: without `publish` on the channel a caller doesn't learn that the message
    // exists, or where.
    if (!allows(identity.capabilities, 'publish', found!.channel))
      throw new CarillonError('NOT_FOUND', UNKNOWN_ID);
    return { identity, found: found! };
  }

  async #ask(app: string, channel: string, request: ScheduleRequest): Promise<readonly ScheduledMessage[]> {
    const { broker, gateway } = this.#deps;
    const [entry] = await broker.cold
      .ask(
        gateway,
        { kind: 'schedule', channel: channelKey(app, channel), request: JSON.stringify(request) },
        ASK_TIMEOUT_MS,
      )
      .catch((cause: unknown) => {
        throw unanswered(request, cause);
      });
    const answer = JSON.parse(entry!.record) as ScheduleAnswer;
    if ('error' in answer) throw new CarillonError(answer.error.code, answer.error.message);
    return answer.schedules;
  }
}

function unanswered({ action }: ScheduleRequest, cause: unknown): CarillonError {
  return action === 'list' || action === 'find'
    ? new CarillonError('UNAVAILABLE', 'The scheduled messages could not be read now.', { cause })
    : new CarillonError(
        'OUTCOME_UNKNOWN',
        'Persistence did not answer in time. Repeat the request, with the same Idempotency-Key if you schedule.',
        { cause },
      );
}

function denied(identity: Identity, channel: string): CarillonError {
  return permissionError(identity, `publishing to ${channel}`, 'publish', { channel });
}

function checkedChannel(channel: string): string {
  if (channelNameFault(channel) === undefined) return channel;
  throw new CarillonError(
    'CHANNEL_INVALID',
    `This is not a channel name: 1 to ${MAX_CHANNEL_NAME_LENGTH} characters of ${CHANNEL_NAME_ALPHABET}, percent-encoded, not beginning with #.`,
  );
}

/** All clients without a token are one owner to persistence. */
function ownKey(key: string | undefined, { userId }: Identity, content: string): string | undefined {
  return key === undefined || userId !== undefined ? key : anonymousKey(key, content);
}

function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new CarillonError(
    'BODY_INVALID',
    'Idempotency-Key: allowed are 1 to 255 printable ASCII characters without spaces.',
  );
}
