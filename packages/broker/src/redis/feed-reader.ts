import type { Redis } from 'ioredis';
import type { FeedHandler, PartitionId } from '../ports.ts';
import type { Keys } from './keys.ts';
import { type StreamsReply, unpackMessage } from './message-codec.ts';

/** Entries of one partition taken per read. */
const READ_COUNT = 1000;
/** How long a read waits; also how often the loop looks whether it should stop. */
const FEED_BLOCK_MS = 2000;

/** Reads a gateway's feeds of all partitions with one blocked connection and hands on what they hold, in order. */
export class FeedReader {
  readonly #redis: Redis;
  readonly #handler: FeedHandler;
  readonly #onColdAnswer: (answer: string) => void;
  readonly #partitions = new Map<string, PartitionId>();
  readonly #keys: readonly string[];
  readonly #lastIds: string[];

  constructor(
    redis: Redis,
    keys: Keys,
    gateway: string,
    partitions: number,
    handler: FeedHandler,
    onColdAnswer: (answer: string) => void,
  ) {
    this.#redis = redis;
    this.#handler = handler;
    this.#onColdAnswer = onColdAnswer;
    this.#keys = Array.from({ length: partitions }, (_, partition) => keys.feed(partition, gateway));
    for (const [partition, key] of this.#keys.entries()) this.#partitions.set(key, partition);
    this.#lastIds = this.#keys.map(() => '0-0');
  }

  /** Id of the newest entry read: what is not after it may be trimmed. */
  lastId(partition: PartitionId): string {
    return this.#lastIds[partition]!;
  }

  /** A (re)made feed is read from after `id` on. */
  startAfter(partition: PartitionId, id: string): void {
    this.#lastIds[partition] = id;
  }

  /** One blocking read. After an error the next call goes on from the same ids, so nothing is skipped. */
  async readOnce(): Promise<void> {
    const reply = (await this.#redis.xread(
      'COUNT',
      READ_COUNT,
      'BLOCK',
      FEED_BLOCK_MS,
      'STREAMS',
      ...this.#keys,
      ...this.#lastIds,
    )) as StreamsReply;
    if (reply === null) return;
    for (const [key, entries] of reply) {
      const partition = this.#partitions.get(key)!;
      for (const [id, fields] of entries) {
        if (fields !== null) this.#handOn(fields);
        this.#lastIds[partition] = id;
      }
    }
    this.#handler.onBatchEnd();
  }

  #handOn(fields: readonly string[]): void {
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const value = fields[i + 1]!;
      switch (fields[i]) {
        case 'm': {
          const { channel, epoch, seq, record } = unpackMessage(value);
          this.#handler.onMessage(channel, epoch, seq, record);
          break;
        }
        case 's': {
          const { channel, epoch, seq } = unpackMessage(value);
          this.#handler.onStored(channel, epoch, seq);
          break;
        }
        case 'h':
          this.#onColdAnswer(value);
          break;
        default: // `r`, the mark of the registration, or a field of a newer version
      }
    }
  }
}
