import type { PartitionId, Publication } from '../ports.ts';
import type { MemoryState } from './memory-state.ts';

/** Most publishes that wait; more are refused. Gateways bound theirs as well. */
const MAX_HELD = 10_000;

/**
 * Durable publishes while the database has not said what it has: the first copy of a repeat may be there, and lost here. They wait and go on in their
 * order: of two of one producer the first would be refused and the second accepted, when the word came in between.
 */
export class HeldPublishes {
  readonly #state: MemoryState;
  readonly #held = new Map<PartitionId, (() => void)[]>();
  #count = 0;

  constructor(state: MemoryState) {
    this.#state = state;
  }

  get isFull(): boolean {
    return this.#count >= MAX_HELD;
  }

  hasToWait({ channel, keeping, former }: Publication): boolean {
    const { generation } = this.#state;
    if (generation.isSettled && this.#count === 0) return false;
    if (!keeping.durable || former !== undefined) return false;
    const partition = this.#state.partitionOf(channel);
    return this.#held.has(partition) || !generation.takesDurable(partition);
  }

  add({ channel }: Publication, goOn: () => void): void {
    const partition = this.#state.partitionOf(channel);
    const held = this.#held.get(partition);
    this.#count++;
    if (held !== undefined) held.push(goOn);
    else {
      this.#held.set(partition, [goOn]);
      void this.#release(partition);
    }
  }

  async #release(partition: PartitionId): Promise<void> {
    const { generation } = this.#state;
    await generation.untilSettled(partition, generation.patienceLeftMs);
    const held = this.#held.get(partition) ?? [];
    this.#held.delete(partition);
    this.#count -= held.length;
    for (const goOn of held) goOn();
  }
}
