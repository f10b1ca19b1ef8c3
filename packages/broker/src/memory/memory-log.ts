import type { Position } from '@carillon/protocol';
import type { LogEntry, PartitionId, PersistenceLog } from '../ports.ts';
import { Fifo } from './fifo.ts';
import { type Journal, NO_JOURNAL } from './journal/journal.ts';
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
  readonly #journal: Journal;
  #nextId = 1;

  constructor(
    partitions: number,
    tellStored: (gateway: string, channel: LogEntry['channel'], position: Position) => void,
    onTellOccupancy: () => void = () => undefined,
    journal: Journal = NO_JOURNAL,
  ) {
    this.#journal = journal;
    this.#onTellOccupancy = onTellOccupancy;
    this.#partitions = partitions;
    this.#tellStored = tellStored;
  }

  /** Entries not yet committed. */
  get size(): number {
    return this.#waiting.length + this.#pending.size;
  }

  /** Number that the next entry gets. */
  get nextNumber(): number {
    return this.#nextId;
  }

  /** Answers the entry's number. */
  append(entry: Omit<LogEntry, 'entryId'>): number {
    const number = this.#nextId++;
    this.#waiting.push({ ...entry, entryId: entryIdOf(number) });
    this.#wakeUp.notify();
    return number;
  }

  /** Entries not yet committed, without questions: who asked them is gone after a restart. */
  uncommitted(): readonly (readonly [number: number, entry: LogEntry])[] {
    const pending = [...this.#pending.values()].map(({ entry }) => entry);
    return [...pending, ...this.#waiting.slice(0, this.#waiting.length)]
      .filter(({ marker }) => !marker)
      .map((entry) => [Number(entry.entryId), entry] as const);
  }

  /** Puts back what was not committed, in the order of the numbers. */
  restore(entries: ReadonlyMap<number, Omit<LogEntry, 'entryId'>>, nextNumber: number): void {
    for (const [number, entry] of [...entries].toSorted(([a], [b]) => a - b))
      this.#waiting.push({ ...entry, entryId: entryIdOf(number) });
    this.#nextId = nextNumber;
  }

  async read(
    consumer: string,
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly LogEntry[]> {
    if (this.#waiting.length === 0) await this.#wakeUp.wait(blockMs);
    // The database must not have a message whose place could be given away by a crash.
    this.#journal.flush();
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
    const logs: number[] = [];
    for (const entry of entries) {
      if (!this.#pending.delete(entry.entryId)) continue;
      if (!entry.marker) logs.push(Number(entry.entryId));
      if (entry.storedTo !== undefined)
        this.#tellStored(entry.storedTo, entry.channel, { epoch: entry.epoch, seq: entry.seq });
    }
    // Not waited for: what a crash makes of it is stored once more, which changes nothing.
    if (logs.length > 0) this.#journal.append({ type: 'stored', logs });
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

function entryIdOf(number: number): string {
  return String(number).padStart(16, '0');
}
