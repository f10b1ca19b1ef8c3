import { endOf, type Lineage } from '@carillon/broker';
import type { Position } from '@carillon/protocol';

/** A channel went on from one epoch to another. */
interface Passage {
  readonly from: Position;
  readonly to: Position;
}

/** Changes of epoch that may yet turn out to be losses. */
const MAX_PASSAGES = 4;

/** Changes of epoch that subscribers were not told of, because nothing was missing as far as anybody knew. */
export class SilentPassages {
  #passages: readonly Passage[] = [];

  get areThere(): boolean {
    return this.#passages.length > 0;
  }

  add(from: Position, to: Position): void {
    this.#passages = [...this.#passages.slice(1 - MAX_PASSAGES), { from, to }];
  }

  /** Takes out those after which messages are known to be lost. */
  takeLossy(lineage: Lineage): readonly Passage[] {
    const isLossy = ({ from }: Passage): boolean => endOf(lineage, from.epoch)?.isLossy !== false;
    const lossy = this.#passages.filter(isLossy);
    this.#passages = this.#passages.filter((passage) => !isLossy(passage));
    return lossy;
  }
}
