import type { Position } from '@carillon/protocol';
import type { LogEntry, PartitionId, PersistenceLog } from '../ports.ts';
import { Fifo } from './fifo.ts';
import { WakeUp } from './wake-up.ts';

interface Pending {
  readonly entry: LogEntry;
  readonly consumer: string;
  readonly deliveredAt: number;
}

/** The durable log with the semantics of a consumer group: an entry stays until it is committed. */
export class MemoryLog implements PersistenceLog {
  readonly #tellStored: (gateway: string, channel: LogEntry['channel'], position: Position) => void;
  readonly #onTellOccupancy: () => void;
  readonly #partitions: number;
  readonly #wakeUp = new WakeUp();
  readonly #pending = new Map<string, Pending>();
  readonly #waiting = new Fifo<LogEntry>();
  #nextId = 1;

  constructor(
    partitions: number,
    tellStored: (gateway: string, channel: LogEntry['channel'], position: Position) => void,
    onTellOccupancy: () => void = () => undefined,
  ) {
    this.#onTellOccupancy = onTellOccupancy;
    this.#partitions = partitions;
    this.#tellStored = tellStored;
  }

  /** Entries not yet committed. */
  get size(): number {
    return this.#waiting.length + this.#pending.size;
  }

  append(entry: Omit<LogEntry, 'entryId'>): void {
    this.#waiting.push({ ...entry, entryId: String(this.#nextId++).padStart(16, '0') });
    this.#wakeUp.notify();
  }

  async read(
    consumer: string,
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly LogEntry[]> {
    if (this.#waiting.length === 0) await this.#wakeUp.wait(blockMs);
    const entries = this.#waiting.take(count);
    this.#deliver(entries, consumer);
    return entries;
  }

  async claim(
    consumer: string,
    { minIdleMs, count }: { readonly minIdleMs: number; readonly count: number },
  ): Promise<readonly LogEntry[]> {
    const before = performance.now() - minIdleMs;
    const idle = [...this.#pending.values()]
      .filter(({ deliveredAt }) => deliveredAt <= before)
      .slice(0, count);
    const entries = idle.map(({ entry }) => entry);
    this.#deliver(entries, consumer);
    return entries;
  }

  async commit(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      if (!this.#pending.delete(entry.entryId) || entry.storedTo === undefined) continue;
      this.#tellStored(entry.storedTo, entry.channel, { epoch: entry.epoch, seq: entry.seq });
    }
  }

  async backlog(): Promise<readonly { partition: PartitionId; entries: number; pending: number }[]> {
    const rows = Array.from({ length: this.#partitions }, (_, partition) => ({
      partition,
      entries: 0,
      pending: 0,
    }));
    for (const entry of this.#waiting.slice(0, this.#waiting.length)) rows[entry.partition]!.entries++;
    for (const { entry } of this.#pending.values()) {
      rows[entry.partition]!.entries++;
      rows[entry.partition]!.pending++;
    }
    return rows;
  }

  async tellOccupancy(): Promise<void> {
    this.#onTellOccupancy();
  }

  close(): void {
    this.#wakeUp.close();
  }

  #deliver(entries: readonly LogEntry[], consumer: string): void {
    const deliveredAt = performance.now();
    for (const entry of entries) this.#pending.set(entry.entryId, { entry, consumer, deliveredAt });
  }
}
