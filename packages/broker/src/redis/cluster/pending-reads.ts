import { setTimeout as pause } from 'node:timers/promises';
import { type Logger, RepeatedLog } from '@carillon/telemetry';
import type { PartitionId } from '../../ports.ts';

/** A part that can't be read isn't asked more often. */
const RETRY_MS = 200;
/** Beyond its own time a read that was just begun is waited for this long: connecting takes time. */
const PATIENCE_MS = 1000;

interface Source<T> {
  isReading: boolean;
  /** Of at most one read: the next one begins when this is taken. */
  read: readonly T[];
}

/**
 * Blocking reads of several servers as one. A read that still waits when another one has answered goes on, and what it brings is for the next
 * caller: nothing is read and dropped. A part that is away is tried again behind the others' backs.
 * @typeParam K names what is read; what is no longer asked for is forgotten with what was read of it
 */
export class PendingReads<K, T> {
  readonly #sources = new Map<K, Source<T>>();
  readonly #log: RepeatedLog;
  #wake: (() => void) | undefined;

  constructor(logger: Logger) {
    this.#log = new RepeatedLog(logger);
  }

  /** All that is there by now; waits up to `blockMs` for the first. @param read of one source, waits about as long by itself */
  async take(
    sources: ReadonlyMap<K, { readonly partition: PartitionId; readonly read: () => Promise<readonly T[]> }>,
    blockMs: number,
  ): Promise<readonly T[]> {
    for (const key of this.#sources.keys()) if (!sources.has(key)) this.#sources.delete(key);
    const begun: Promise<void>[] = [];
    for (const [key, { partition, read }] of sources) {
      const source = this.#sources.get(key) ?? { isReading: false, read: [] };
      this.#sources.set(key, source);
      if (!source.isReading && source.read.length === 0) begun.push(this.#read(source, partition, read));
    }
    if (this.#isEmpty) await this.#untilSomething(blockMs, begun);
    const taken: T[] = [];
    for (const source of this.#sources.values()) {
      taken.push(...source.read);
      source.read = [];
    }
    return taken;
  }

  get #isEmpty(): boolean {
    for (const { read } of this.#sources.values()) if (read.length > 0) return false;
    return true;
  }

  /** Or until all reads that were begun say that there is nothing. */
  async #untilSomething(blockMs: number, begun: readonly Promise<void>[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const nothing = setTimeout(() => void Promise.all(begun).then(() => resolve()), blockMs);
    const late = setTimeout(resolve, blockMs + PATIENCE_MS);
    this.#wake = resolve;
    await promise;
    clearTimeout(nothing);
    clearTimeout(late);
    this.#wake = undefined;
  }

  async #read(source: Source<T>, partition: PartitionId, read: () => Promise<readonly T[]>): Promise<void> {
    source.isReading = true;
    try {
      source.read = await read();
    } catch (error) {
      this.#log.warn({ err: error, partition }, 'this partition can not be read now; the others go on');
      await pause(RETRY_MS);
    } finally {
      source.isReading = false;
    }
    if (source.read.length > 0) this.#wake?.();
  }
}
