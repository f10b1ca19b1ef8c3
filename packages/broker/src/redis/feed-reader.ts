import type { FeedHandler, PartitionId } from '../ports.ts';
import type { Keys } from './keys.ts';
import { type StreamsReply, unpackMessage } from './packed-message.ts';
import type { PipelinedConnection } from './pipelined/pipelined-connection.ts';
import { bulk } from './pipelined/resp-command.ts';
import { RedisReplyError, type Reply } from './pipelined/resp-reader.ts';

/** Entries of one partition taken per read. */
const READ_COUNT = 100;
/** How long a read waits; also how often the loop looks whether it should stop. */
const FEED_BLOCK_MS = 2000;
const RETRY_DELAY_MS = 100;
/** Between the messages of a push. JSON has no such character. */
const SEPARATOR = '\0';

export interface FeedReaderOptions {
  readonly partitions: number;
  readonly handler: FeedHandler;
  readonly onColdAnswer: (answer: string) => void;
  /** The write count of a partition, which every push tells. */
  readonly onCount: (partition: PartitionId, count: number) => void;
}

/**
 * Input of a gateway, in order. Messages that history holds as well are pushed; all other records, which exist nowhere
 * else, are read from the gateway's feeds of all partitions with one blocking call, on a connection of its own.
 */
export class FeedReader {
  readonly #handler: FeedHandler;
  readonly #onColdAnswer: (answer: string) => void;
  readonly #onCount: FeedReaderOptions['onCount'];
  readonly #partitions = new Map<string, PartitionId>();
  readonly #keys: readonly string[];
  readonly #lastIds: string[];
  /** Entries that somebody waits for. At most one per registration. */
  readonly #awaited = new Map<string, () => void>();
  readonly #commandBegin: string;
  #isStopped = false;
  #round = 0;
  #latestEpoch = '';

  constructor(
    keys: Keys,
    gateway: string,
    { partitions, handler, onColdAnswer, onCount }: FeedReaderOptions,
  ) {
    this.#handler = handler;
    this.#onColdAnswer = onColdAnswer;
    this.#onCount = onCount;
    this.#keys = Array.from({ length: partitions }, (_, partition) => keys.feed(partition, gateway));
    for (const [partition, key] of this.#keys.entries()) this.#partitions.set(key, partition);
    const fixed = ['XREAD', 'COUNT', READ_COUNT, 'BLOCK', FEED_BLOCK_MS, 'STREAMS', ...this.#keys];
    this.#commandBegin = `*${fixed.length + partitions}\r\n${fixed.map(bulk).join('')}`;
    this.#lastIds = this.#keys.map(() => '0-0');
  }

  /** Where messages are pushed to: channels of the same names as the feeds. */
  get channels(): readonly string[] {
    return this.#keys;
  }

  /** Id of the newest entry read: what is not after it may be trimmed. */
  lastId(partition: PartitionId): string {
    return this.#lastIds[partition]!;
  }

  /** A (re)made feed is read from after `id` on. */
  startAfter(partition: PartitionId, id: string): void {
    this.#lastIds[partition] = id;
  }

  /** Resolves when the entry `id` of the feed was read; after `timeoutMs` at the latest: the connection may be away, the entry trimmed. */
  async untilRead(partition: PartitionId, id: string, timeoutMs: number): Promise<void> {
    if (this.#lastIds[partition] === id) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const key = awaitedKey(partition, id);
    this.#awaited.set(key, resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#awaited.delete(key);
  }

  /** Of what was read, and of what {@link saw} was told; `''`: none. */
  get latestEpoch(): string {
    return this.#latestEpoch;
  }

  /** Epochs sort by age; this gateway's own, made while the broker was away, sort before all. */
  saw(epoch: string): void {
    if (epoch > this.#latestEpoch) this.#latestEpoch = epoch;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Reads for as long as the connection lives; to be called anew for the next one, which goes on from the same ids, so that nothing is
   * skipped. One blocking read after the other, without a promise for each.
   */
  read(wire: PipelinedConnection, onError: (error: Error) => void): void {
    this.#ask(wire, onError, ++this.#round);
  }

  /** @param round of the connection: what an earlier one left behind must not read beside it */
  #ask(wire: PipelinedConnection, onError: (error: Error) => void, round: number): void {
    if (this.#isStopped || round !== this.#round) return;
    wire.send(
      this.#commandBegin + this.#lastIds.map(bulk).join(''),
      (reply) => {
        if (reply instanceof RedisReplyError) {
          onError(reply);
          setTimeout(() => this.#ask(wire, onError, round), RETRY_DELAY_MS);
        } else {
          this.#take(reply);
          this.#ask(wire, onError, round);
        }
      },
      onError,
    );
  }

  /** `count \0 message \0 message ...` */
  readonly takePush = (channel: string, text: string): void => {
    if (this.#isStopped) return;
    let end = text.indexOf(SEPARATOR);
    this.#onCount(this.#partitions.get(channel)!, Number(text.slice(0, end)));
    while (end >= 0) {
      const from = end + 1;
      end = text.indexOf(SEPARATOR, from);
      this.#handOnMessage(end < 0 ? text.slice(from) : text.slice(from, end));
    }
    this.#handler.onBatchEnd();
  };

  #take(answer: Reply): void {
    const reply = answer as StreamsReply;
    if (reply === null || this.#isStopped) return;
    for (const [key, entries] of reply) {
      const partition = this.#partitions.get(key)!;
      for (const [id, fields] of entries) {
        if (fields !== null) this.#handOn(fields);
        this.#lastIds[partition] = id;
        if (this.#awaited.size > 0) this.#awaited.get(awaitedKey(partition, id))?.();
      }
    }
    this.#handler.onBatchEnd();
  }

  #handOn(fields: readonly string[]): void {
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const value = fields[i + 1]!;
      switch (fields[i]) {
        case 'm':
          this.#handOnMessage(value);
          break;
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

  #handOnMessage(packed: string): void {
    const { channel, epoch, seq, record } = unpackMessage(packed);
    this.saw(epoch);
    this.#handler.onMessage(channel, epoch, seq, record);
  }
}

function awaitedKey(partition: PartitionId, id: string): string {
  return `${partition} ${id}`;
}
