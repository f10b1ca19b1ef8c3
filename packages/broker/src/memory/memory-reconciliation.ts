import { laterEpoch, makeEpoch } from '../epoch.ts';
import type { Lineage } from '../lineage.ts';
import type { ChannelKey, PartitionId, Publication, PublishOutcome } from '../ports.ts';
import type { LostMessage, Reconciliation, StoredTail, UnsettledPartition } from '../reconciliation.ts';
import { findEnded } from './ended-states.ts';
import type { ExtendedEntry } from './journal/journal-entry.ts';
import { written } from './journal/written.ts';
import type { MemoryState } from './memory-state.ts';

/** Ids that one entry of the journal names. */
const IDS_AN_ENTRY = 500;

export interface MemoryReconciliationDependencies {
  readonly state: MemoryState;
  readonly publish: (publications: readonly Publication[]) => Promise<readonly PublishOutcome[]>;
}

/** See {@link Reconciliation}: compares the database with a journal that may lack its end. */
export class MemoryReconciliation implements Reconciliation {
  readonly #deps: MemoryReconciliationDependencies;

  constructor(deps: MemoryReconciliationDependencies) {
    this.#deps = deps;
  }

  async unsettled(): Promise<readonly UnsettledPartition[]> {
    const { generation } = this.#deps.state;
    return this.#partitions().filter(({ partition }) => !generation.of(partition).isSettled);
  }

  async generations(): Promise<readonly UnsettledPartition[]> {
    return this.#partitions();
  }

  async states(
    _partition: PartitionId,
    channels: readonly ChannelKey[],
  ): Promise<readonly (Lineage | undefined)[]> {
    const { state } = this.#deps;
    return channels.map((key) => {
      const channel = state.find(key);
      return channel && state.lineageOf(channel);
    });
  }

  /** A generation begins before anybody asks. */
  news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, timeoutMs).unref());
  }

  async extend(
    partition: UnsettledPartition,
    { channel: key, epoch, messages }: StoredTail,
  ): Promise<number | undefined> {
    const { state } = this.#deps;
    if (!this.#isPresent(partition)) return undefined;
    const lastSeq = messages.at(-1)!.seq;
    const channel = state.find(key);
    const ended = channel && findEnded(channel, epoch);
    const { isSettled } = state.generation.of(partition.partition);
    if (ended !== undefined && (ended.isSealed || isSettled || lastSeq <= ended.lastSeq))
      return ended.lastSeq;
    const hasGoneOn = channel?.epoch === epoch || channel?.ended.at(-1)?.isSealed === true;
    if (ended === undefined && (isSettled || hasGoneOn)) return undefined;
    this.#extend(key, epoch, messages);
    await written(state.journal);
    return lastSeq;
  }

  async settle(partition: UnsettledPartition, hasLoss: boolean): Promise<boolean> {
    const { generation, journal } = this.#deps.state;
    if (!this.#isPresent(partition)) return false;
    if (generation.of(partition.partition).isSettled) return true;
    journal.append({ type: 'settled', partition: partition.partition, hasLoss });
    await written(journal);
    generation.settle(partition.partition, hasLoss);
    if (hasLoss) this.#deps.state.tellDataLost(partition.partition);
    return true;
  }

  async republish(messages: readonly LostMessage[]): Promise<number> {
    const outcomes = await this.#deps.publish(messages);
    return outcomes.filter(({ status }) => status === 'refused').length;
  }

  #extend(key: ChannelKey, epoch: string, messages: StoredTail['messages']): void {
    const { state } = this.#deps;
    const atMs = Date.now();
    const present = state.find(key)?.epoch ?? laterEpoch(epoch, makeEpoch(atMs));
    for (let at = 0; at < messages.length; at += IDS_AN_ENTRY) {
      const some = messages.slice(at, at + IDS_AN_ENTRY);
      const entry: ExtendedEntry = {
        type: 'extended',
        channel: key,
        ...{ epoch, lastSeq: some.at(-1)!.seq, messages: some },
        ...{ generation: state.generation.number, atMs, present },
      };
      state.extend(entry);
      state.journal.append(entry);
    }
  }

  #isPresent({ generation }: UnsettledPartition): boolean {
    return generation === String(this.#deps.state.generation.number);
  }

  /** None before the first change of generation: nothing can be missing. */
  #partitions(): readonly UnsettledPartition[] {
    const { generation, partitions } = this.#deps.state;
    if (generation.raisedAtMs === 0) return [];
    return Array.from({ length: partitions }, (_, partition) => ({
      partition,
      generation: String(generation.number),
      keptUpToMs: generation.keptUpToMs,
      raisedAtMs: generation.raisedAtMs,
    }));
  }
}
