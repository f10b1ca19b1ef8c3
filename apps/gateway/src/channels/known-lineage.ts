import type { Lineage } from '@carillon/broker';
import type { Position } from '@carillon/protocol';

/** An answer that is older than so many changes is none any more. */
const MAX_PAST_GENERATIONS = 4;
/** One for all channels: most never see another generation. */
const NONE: readonly string[] = [];

/** The epochs of a channel as the broker told them last, for putting positions in order. */
export class KnownLineage {
  #lineage: Lineage | undefined;
  /** Generations of the broker before the present one, oldest first. */
  #past = NONE;

  get latest(): Lineage | undefined {
    return this.#lineage;
  }

  learn(lineage: Lineage): void {
    const before = this.#lineage?.generation;
    if (before !== undefined && before !== lineage.generation)
      this.#past = [...this.#past.slice(1 - MAX_PAST_GENERATIONS), before];
    this.#lineage = lineage;
  }

  /** Does it say what was true before the broker came back as another process? */
  isStale({ generation }: Lineage): boolean {
    return generation !== undefined && this.#past.includes(generation);
  }

  /** All epochs, oldest first. */
  get epochs(): readonly string[] {
    const lineage = this.#lineage;
    return lineage === undefined ? [] : [...lineage.before.map(({ epoch }) => epoch), lineage.epoch];
  }

  /** Is `a` before `b`? What is in no known epoch goes by the name of its epoch. */
  isBefore(a: Position, b: Position): boolean {
    if (a.epoch === b.epoch) return a.seq < b.seq;
    const [ageOfA, ageOfB] = [this.#ageOf(a.epoch), this.#ageOf(b.epoch)];
    return ageOfA >= 0 && ageOfB >= 0 ? ageOfA < ageOfB : a.epoch < b.epoch;
  }

  /** Has the channel left this epoch for that of `at`? */
  hasLeft(epoch: string, at: Position): boolean {
    const age = this.#ageOf(epoch);
    return age >= 0 && age < this.#ageOf(at.epoch);
  }

  /** -1: an epoch that isn't known. */
  #ageOf(epoch: string): number {
    const { before = [], epoch: present } = this.#lineage ?? {};
    return epoch === present ? before.length : before.findLastIndex((ended) => ended.epoch === epoch);
  }
}

/** [DG3] An epoch of this gateway alone, while the broker is away. */
export function isLocal({ epoch }: Position): boolean {
  return epoch.startsWith('-');
}
