import { CarillonError, type Position } from '@carillon/protocol';
import type { Redis } from 'ioredis';
import { ACK_IDLE_TTL_MS, type AckCursor, type AckCursors, MAX_CONSUMERS } from '../ack-cursors.ts';
import type { ChannelKey, PartitionId } from '../ports.ts';
import { unavailable } from './connection.ts';
import type { Keys } from './keys.ts';
import { runScript } from './scripts.ts';

/** A hash per channel: consumer -> `epoch seq time`. */
export class RedisAcks implements AckCursors {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #partitionOf: (channel: ChannelKey) => PartitionId;

  constructor(redis: Redis, keys: Keys, partitionOf: (channel: ChannelKey) => PartitionId) {
    this.#redis = redis;
    this.#keys = keys;
    this.#partitionOf = partitionOf;
  }

  open(channel: ChannelKey, consumer: string, initial: Position): Promise<Position> {
    return this.#run(channel, consumer, initial, 1);
  }

  async ack(channel: ChannelKey, consumer: string, position: Position): Promise<void> {
    await this.#run(channel, consumer, position, 0);
  }

  async find(channel: ChannelKey, consumer: string): Promise<AckCursor | undefined> {
    const found = await this.#redis
      .hget(this.#keys.acks(this.#partitionOf(channel), channel), consumer)
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    return found === null ? undefined : cursorOf(consumer, found);
  }

  async list(channel: ChannelKey): Promise<readonly AckCursor[]> {
    const found = await this.#redis
      .hgetall(this.#keys.acks(this.#partitionOf(channel), channel))
      .catch((error: unknown) => Promise.reject(unavailable(error)));
    return Object.entries(found).map(([consumer, value]) => cursorOf(consumer, value));
  }

  async #run(
    channel: ChannelKey,
    consumer: string,
    { epoch, seq }: Position,
    open: 0 | 1,
  ): Promise<Position> {
    const reply = await runScript(this.#redis, 'ack', this.#keys.base(this.#partitionOf(channel)), [
      channel,
      consumer,
      epoch,
      seq,
      open,
      MAX_CONSUMERS,
      ACK_IDLE_TTL_MS,
    ]).catch((error: unknown) => Promise.reject(unavailable(error)));
    if (reply === 0) throw new CarillonError('CONSUMER_LIMIT');
    const [knownEpoch, knownSeq] = reply as [string, number];
    return { epoch: String(knownEpoch), seq: Number(knownSeq) };
  }
}

function cursorOf(consumer: string, value: string): AckCursor {
  const [epoch = '', seq, atMs] = value.split(' ');
  return { consumer, epoch, seq: Number(seq), atMs: Number(atMs) };
}
