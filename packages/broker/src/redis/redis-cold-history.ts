import { randomUUID } from 'node:crypto';
import { CarillonError } from '@carillon/protocol';
import { type Logger, RepeatedLog } from '@carillon/telemetry';
import { type Redis, ReplyError } from 'ioredis';
import type { ChannelKey, ColdHistory, ColdQuery, HistoryEntry, PartitionId } from '../ports.ts';
import { unavailable, untilReady } from './connection.ts';
import { type Keys, PERSISTENCE_GROUP } from './keys.ts';
import { fieldsOf, type StreamsReply } from './packed-message.ts';

/** Most questions of this process under way. */
const MAX_IN_FLIGHT = 1000;
/** Questions that nobody answered are cut beyond this; their askers have given up long before. */
const MAX_QUESTIONS = 10_000;
const BLOCK_MS = 1000;
const READ_COUNT = 50;
const RETRY_DELAY_MS = 200;

export interface RedisColdHistoryDependencies {
  readonly redis: Redis;
  readonly openReader: () => Redis;
  readonly keys: Keys;
  readonly partitions: number;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
  readonly logger: Logger;
}

interface Question {
  readonly id: string;
  readonly gateway: string;
  readonly query: ColdQuery;
}

interface AnswerBody {
  readonly entries?: readonly HistoryEntry[];
  readonly problem?: string;
}

/** Questions go through a stream per partition, answers come in the asking gateway's own feed. */
export class RedisColdHistory implements ColdHistory {
  readonly #deps: RedisColdHistoryDependencies;
  readonly #waiting = new Map<string, (answer: AnswerBody) => void>();
  readonly #log: RepeatedLog;

  constructor(deps: RedisColdHistoryDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
  }

  async ask(gateway: string, query: ColdQuery, timeoutMs: number): Promise<readonly HistoryEntry[]> {
    if (this.#waiting.size >= MAX_IN_FLIGHT)
      throw new CarillonError('HISTORY_UNAVAILABLE', 'Too many questions for stored history are under way.', {
        retryAfterMs: 1000,
      });
    const question: Question = { id: randomUUID(), gateway, query };
    const { promise, resolve } = Promise.withResolvers<AnswerBody>();
    this.#waiting.set(question.id, resolve);
    const timer = setTimeout(() => resolve({ problem: `no answer within ${timeoutMs} ms` }), timeoutMs);
    try {
      const { redis, keys, partitionOf } = this.#deps;
      await redis.xadd(
        keys.cold(partitionOf(query.channel)),
        'MAXLEN',
        '~',
        MAX_QUESTIONS,
        '*',
        'q',
        JSON.stringify(question),
      );
      const { entries, problem } = await promise;
      if (entries === undefined)
        throw new CarillonError('HISTORY_UNAVAILABLE', `Stored history could not be read: ${problem}.`);
      return entries;
    } catch (error) {
      throw unavailable(error);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(question.id);
    }
  }

  /** An answer from the feed: `<id>\n<json>`. */
  readonly onAnswer = (text: string): void => {
    const newline = text.indexOf('\n');
    const resolve = this.#waiting.get(text.slice(0, newline));
    if (resolve !== undefined) resolve(JSON.parse(text.slice(newline + 1)) as AnswerBody);
  };

  async serve(
    answer: (query: ColdQuery) => Promise<readonly HistoryEntry[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const reader = this.#deps.openReader();
    signal.addEventListener('abort', () => reader.disconnect(), { once: true });
    const streams = Array.from({ length: this.#deps.partitions }, (_, partition) =>
      this.#deps.keys.cold(partition),
    );
    let hasGroups = false;
    while (!signal.aborted) {
      try {
        await untilReady(reader, signal);
        if (!hasGroups) await this.#makeGroups(streams);
        hasGroups = true;
        await this.#serveOnce(reader, streams, answer);
      } catch (error) {
        if (signal.aborted) return;
        if (isNoGroup(error)) hasGroups = false;
        this.#log.warn({ err: error }, 'serving stored history failed, starting again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
  }

  async #serveOnce(
    reader: Redis,
    streams: readonly string[],
    answer: (query: ColdQuery) => Promise<readonly HistoryEntry[]>,
  ): Promise<void> {
    // NOACK: a question is worth nothing once its asker has given up, so it is not kept for a successor.
    const reply = (await reader.xreadgroup(
      'GROUP',
      PERSISTENCE_GROUP,
      'any',
      'COUNT',
      READ_COUNT,
      'BLOCK',
      BLOCK_MS,
      'NOACK',
      'STREAMS',
      ...streams,
      ...streams.map(() => '>'),
    )) as StreamsReply;
    const questions = (reply ?? []).flatMap(([, entries]) =>
      entries.map(([, fields]) => fieldsOf(fields ?? []).get('q')),
    );
    await Promise.all(
      questions.map((question) =>
        question === undefined ? undefined : this.#answerOne(JSON.parse(question) as Question, answer),
      ),
    );
  }

  async #answerOne(
    { id, gateway, query }: Question,
    answer: (query: ColdQuery) => Promise<readonly HistoryEntry[]>,
  ): Promise<void> {
    const body: AnswerBody = await answer(query).then(
      (entries) => ({ entries }),
      (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
    );
    const { redis, keys, partitionOf } = this.#deps;
    await redis.xadd(
      keys.feed(partitionOf(query.channel), gateway),
      'NOMKSTREAM',
      '*',
      'h',
      `${id}\n${JSON.stringify(body)}`,
    );
  }

  /** From the beginning: Redis may have come back empty, and gateways may have asked already. */
  async #makeGroups(streams: readonly string[]): Promise<void> {
    await Promise.all(
      streams.map((key) =>
        this.#deps.redis.xgroup('CREATE', key, PERSISTENCE_GROUP, '0', 'MKSTREAM').catch((error: unknown) => {
          if (!(error instanceof ReplyError) || !(error as Error).message.startsWith('BUSYGROUP'))
            throw unavailable(error);
        }),
      ),
    );
  }
}

function isNoGroup(error: unknown): boolean {
  return error instanceof ReplyError && (error as Error).message.startsWith('NOGROUP');
}
