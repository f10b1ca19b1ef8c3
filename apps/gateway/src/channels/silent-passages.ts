import { endOf, type Lineage } from '@carillon/broker';
import type { Position } from '@carillon/protocol';

/** Changes of epoch that may yet turn out to be losses. */
const MAX_PASSAGES = 4;
const NONE: readonly Position[] = [];

/** Changes of epoch that subscribers were not told of, because nothing was missing as far as anybody knew. */
export class SilentPassages {
  /** Where the channel was before each of them, oldest first. */
  #from = NONE;

  get areThere(): boolean {
    return this.#from.length > 0;
  }

  add(from: Position): void {
    this.#from = [...this.#from.slice(1 - MAX_PASSAGES), from];
  }

  /** Takes out those after which messages are known to be lost, and those of epochs that the broker has forgotten: nothing more will be known of them. */
  takeLossy(lineage: Lineage): readonly Position[] {
    const endOfEach = this.#from.map((from) => ({ from, end: endOf(lineage, from.epoch) }));
    this.#from = endOfEach.filter(({ end }) => end?.isLossy === false).map(({ from }) => from);
    return endOfEach.filter(({ end }) => end?.isLossy === true).map(({ from }) => from);
  }
}
