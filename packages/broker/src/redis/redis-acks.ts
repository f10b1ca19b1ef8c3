import { CarillonError, type Position } from '@carillon/protocol';
import type { Redis } from 'ioredis';
import {
  ACK_IDLE_TTL_MS,
  type AckCursor,
  type AckCursors,
  type CursorKeeping,
  MAX_CONSUMERS,
  type OpeningCursor,
} from '../ack-cursors.ts';
import type { BrokerLimits, ChannelKey, ColdHistory, PartitionId } from '../ports.ts';
import { refusals } from '../refusals.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import { runScript } from './scripts.ts';
import { askStoredCursor } from './stored-cursor.ts';

export interface RedisAcksDependencies {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly limits: Pick<BrokerLimits, 'logMaxEntries'>;
  readonly cold: ColdHistory;
  readonly partitionOf: (channel: ChannelKey) => PartitionId;
}

/** Steps of the script, and the codes of its answers; see ack.lua. */
type Step = 'ack' | 'find' | 'begin';
const [TOO_MANY, UNKNOWN, LOG_FULL] = [0, 1, 2];

interface Cursor {
  readonly channel: ChannelKey;
  readonly consumer: string;
  readonly durable: boolean;
}

/** A hash per channel: consumer -> `epoch seq time`. */
export class RedisAcks implements AckCursors {
  readonly #deps: RedisAcksDependencies;

  constructor(deps: RedisAcksDependencies) {
    this.#deps = deps;
  }

  async open(
    channel: ChannelKey,
    consumer: string,
    initial: Position,
    { durable, gateway }: OpeningCursor,
  ): Promise<Position> {
    const cursor = { channel, consumer, durable };
    if (!durable) return (await this.#run(cursor, initial, 'begin'))!;
    const known = await this.#run(cursor, initial, 'find');
    if (known !== undefined) return known;
    const stored = await askStoredCursor(this.#deps.cold, gateway, { channel, consumer });
    return (await this.#run(cursor, stored ?? initial, 'begin'))!;
  }

  async ack(
    channel: ChannelKey,
    consumer: string,
    position: Position,
    { durable }: CursorKeeping,
  ): Promise<void> {
    await this.#run({ channel, consumer, durable }, position, 'ack');
  }

  async find(channel: ChannelKey, consumer: string): Promise<AckCursor | undefined> {
    const found = await this.#deps.redis
      .hget(this.#keyOf(channel), consumer)
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    return found === null ? undefined : cursorOf(consumer, found);
  }

  async list(channel: ChannelKey): Promise<readonly AckCursor[]> {
    const found = await this.#deps.redis
      .hgetall(this.#keyOf(channel))
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    return Object.entries(found).map(([consumer, value]) => cursorOf(consumer, value));
  }

  #keyOf(channel: ChannelKey): string {
    return this.#deps.keys.acks(this.#deps.partitionOf(channel), channel);
  }

  /** `undefined`: it is not known. @throws CarillonError CONSUMER_LIMIT, LOG_FULL, UNAVAILABLE */
  async #run(
    { channel, consumer, durable }: Cursor,
    { epoch, seq }: Position,
    step: Step,
  ): Promise<Position | undefined> {
    const { redis, keys, limits, partitionOf } = this.#deps;
    const reply = await runScript(redis, 'ack', keys.base(partitionOf(channel)), [
      channel,
      consumer,
      epoch,
      seq,
      MAX_CONSUMERS,
      ACK_IDLE_TTL_MS,
      durable ? limits.logMaxEntries : '',
      step,
    ]).catch((error: unknown) => Promise.reject(unavailable(error)));
    if (reply === TOO_MANY) throw new CarillonError('CONSUMER_LIMIT');
    if (reply === UNKNOWN) return undefined;
    if (reply === LOG_FULL) throw refusals.logFull(limits.logMaxEntries).error;
    const [knownEpoch, knownSeq] = reply as [string, number];
    return { epoch: String(knownEpoch), seq: Number(knownSeq) };
  }
}

function cursorOf(consumer: string, value: string): AckCursor {
  const [epoch = '', seq, atMs] = value.split(' ');
  return { consumer, epoch, seq: Number(seq), atMs: Number(atMs) };
}
