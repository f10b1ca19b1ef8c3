import { isUtf8 } from 'node:buffer';
import type { Identity } from '@carillon/auth';
import type { PublishOutcome } from '@carillon/broker';
import {
  CarillonError,
  CHANNEL_NAME_ALPHABET,
  channelNameFault,
  MAX_CHANNEL_NAME_LENGTH,
  MAX_HISTORY_LIMIT,
  messageFrame,
  type Position,
} from '@carillon/protocol';
import { errorBody } from '@carillon/service';
import { isTraceparent } from '@carillon/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { identityOf } from '../admission/http-admission.ts';
import { channelKey } from '../channels/channel-name.ts';
import { type BodyLimits, readPublishBody } from './http-body.ts';
import type { PublishMessage } from './publish-message.ts';
import type { ReadHistory } from './read-history.ts';
import type { StoredWaiters } from './stored-waiters.ts';

const STORED_TIMEOUT_MS = 10_000;
const HISTORY_PARAMETERS = ['limit', 'after_epoch', 'after_seq', 'before_epoch', 'before_seq'];
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

export interface HttpRoutesDependencies {
  readonly authenticate: onRequestAsyncHookHandler;
  readonly publishMessage: PublishMessage;
  readonly readHistory: ReadHistory;
  readonly stored: StoredWaiters;
  readonly limits: BodyLimits & { readonly maxHttpBodyBytes: number };
}

type ChannelRequest = FastifyRequest<{
  Params: { channel: string };
  Querystring: Record<string, string | undefined>;
  Body: string;
}>;

/** `POST` and `GET /v1/channels/{channel}/messages`, for back ends. */
export class HttpRoutes {
  readonly #deps: HttpRoutesDependencies;

  constructor(deps: HttpRoutesDependencies) {
    this.#deps = deps;
  }

  register(server: FastifyInstance): void {
    const { authenticate: onRequest } = this.#deps;
    // Bodies are parsed as text: payloads are forwarded unchanged.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: this.#deps.limits.maxHttpBodyBytes },
      async (request: FastifyRequest, body: Buffer) => textOf(request, body),
    );
    server.post(
      '/v1/channels/:channel/messages',
      { onRequest, config: { query: ['stored'] } },
      (request, reply) => this.#publish(request as ChannelRequest, reply),
    );
    server.get(
      '/v1/channels/:channel/messages',
      { onRequest, config: { query: HISTORY_PARAMETERS } },
      (request, reply) => this.#history(request as ChannelRequest, reply),
    );
  }

  async #publish(request: ChannelRequest, reply: FastifyReply): Promise<unknown> {
    const identity = identityOf(request);
    const channel = channelOf(request);
    const key = idempotencyKeyOf(request);
    if (typeof request.body !== 'string')
      throw new CarillonError('CONTENT_TYPE_UNSUPPORTED', 'There is no JSON body: send application/json.');
    const { isBatch, messages } = readPublishBody(request.body, this.#deps.limits);
    const wantsStored = wantsStoredOf(request);
    const { traceparent } = request.headers;
    const outcomes = await Promise.all(
      messages.map(({ payloadJson, event }, i) =>
        this.#deps.publishMessage.publish(identity, 'http', {
          channel,
          payloadJson,
          event,
          wantsStored,
          // A space: no key of a single message has one.
          idempotencyKey: key && isBatch ? `${key} ${i}` : key,
          trace: isTraceparent(traceparent) ? traceparent : undefined,
        }),
      ),
    );
    const stored = wantsStored ? await this.#waitUntilStored(identity, channel, outcomes) : undefined;
    const answers = outcomes.map((outcome, i) => answerOf(channel, outcome, stored?.[i]));
    if (isBatch)
      return await reply
        .code(outcomes.every(({ status }) => status === 'accepted') ? 200 : 207)
        .send({ results: answers });
    const [outcome] = outcomes;
    if (outcome!.status === 'refused') throw outcome!.error;
    return answers[0];
  }

  /** `true` per message that is in Postgres in time. */
  #waitUntilStored(
    identity: Identity,
    channel: string,
    outcomes: readonly PublishOutcome[],
  ): Promise<readonly boolean[]> {
    return Promise.all(
      outcomes.map((outcome) => {
        if (outcome.status === 'refused') return false;
        const { promise, resolve } = Promise.withResolvers<boolean>();
        const timer = setTimeout(() => resolve(false), STORED_TIMEOUT_MS);
        const { epoch, seq, id } = outcome;
        this.#deps.stored.wait({ channel: channelKey(identity.app, channel), epoch, seq, id }, () =>
          resolve(true),
        );
        return promise.finally(() => clearTimeout(timer));
      }),
    );
  }

  async #history(request: ChannelRequest, reply: FastifyReply): Promise<unknown> {
    const identity = identityOf(request);
    const channel = channelOf(request);
    const [after, before] = [positionOf(request, 'after'), positionOf(request, 'before')];
    if (after !== undefined && before !== undefined)
      throw new CarillonError(
        'POSITION_INVALID',
        'Give after_epoch and after_seq, or before_epoch and before_seq, not both.',
      );
    const { entries, more, reason } = await this.#deps.readHistory.read(
      { identity },
      {
        channel,
        after,
        before,
        limit: limitOf(request),
      },
    );
    const messages = entries.map(({ epoch, seq, record }) => messageFrame(channel, epoch, seq, record));
    const why = reason === undefined ? '' : `,"reason":"${reason}"`;
    return await reply
      .type('application/json; charset=utf-8')
      .send(`{"channel":"${channel}","messages":[${messages.join(',')}],"more":${more}${why}}`);
  }
}

/** @throws CarillonError for what would not go on as it came. */
function textOf({ headers }: FastifyRequest, body: Buffer): string {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new CarillonError(
      'CONTENT_TYPE_UNSUPPORTED',
      `The content encoding ${encoding.slice(0, 32)} is not supported: send the body as it is.`,
    );
  if (!isUtf8(body)) throw new CarillonError('BODY_INVALID', 'The body is not UTF-8.');
  return body.toString('utf8');
}

function answerOf(channel: string, outcome: PublishOutcome, stored: boolean | undefined): object {
  if (outcome.status === 'refused') return { error: errorBody(outcome.error) };
  const { epoch, seq, id, duplicate } = outcome;
  return {
    channel,
    epoch,
    seq,
    id,
    ...(duplicate ? { duplicate } : {}),
    ...(stored === undefined ? {} : { stored }),
  };
}

function channelOf({ params: { channel } }: ChannelRequest): string {
  if (channelNameFault(channel) === undefined) return channel;
  throw new CarillonError(
    'CHANNEL_INVALID',
    `The channel in the address is not a channel name: 1 to ${MAX_CHANNEL_NAME_LENGTH} characters of ${CHANNEL_NAME_ALPHABET}, percent-encoded, not beginning with #.`,
  );
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

function positionOf({ query }: ChannelRequest, side: 'after' | 'before'): Position | undefined {
  const [epoch, seq] = [query[`${side}_epoch`], query[`${side}_seq`]];
  if (epoch === undefined && seq === undefined) return undefined;
  const number = integerOf(seq);
  if (
    epoch !== undefined &&
    /^[0-9A-Za-z_-]{1,32}$/.test(epoch) &&
    Number.isSafeInteger(number) &&
    number >= 0
  )
    return { epoch, seq: number };
  throw new CarillonError(
    'POSITION_INVALID',
    `${side}_epoch and ${side}_seq go together: an epoch as it came with a message, and an integer from 0.`,
  );
}

function wantsStoredOf({ query }: ChannelRequest): boolean {
  if (query.stored === 'true') return true;
  if (query.stored === undefined || query.stored === 'false') return false;
  throw new CarillonError(
    'QUERY_INVALID',
    `stored: got ${JSON.stringify(query.stored)}; allowed are true and false.`,
  );
}

function limitOf({ query }: ChannelRequest): number | undefined {
  if (query.limit === undefined) return undefined;
  const limit = integerOf(query.limit);
  if (limit >= 1 && limit <= MAX_HISTORY_LIMIT) return limit;
  throw new CarillonError(
    'QUERY_INVALID',
    `limit: got ${JSON.stringify(query.limit)}; allowed is an integer from 1 to ${MAX_HISTORY_LIMIT}.`,
  );
}

/** `NaN` for all but decimal digits: `Number` takes an empty text, `0x10` and `1e3`, too. */
function integerOf(text: unknown): number {
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}
