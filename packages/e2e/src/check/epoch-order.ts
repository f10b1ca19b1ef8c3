import type { Position } from '@carillon/protocol';

/**
 * Age of a channel's epochs: the older one is the one that was first seen, in an answer to a publish or with a message.
 * Their names are compared only where that is undecided.
 */
export class EpochOrder {
  /** By place and epoch, in milliseconds of the one clock that all histories have. */
  readonly #firstNamedAt = new Map<string, Map<string, number>>();

  note(place: string, epoch: string, at: number): void {
    const epochs = this.#firstNamedAt.get(place) ?? new Map<string, number>();
    this.#firstNamedAt.set(place, epochs);
    epochs.set(epoch, Math.min(at, epochs.get(epoch) ?? at));
  }

  /** Below 0 when `a` comes before `b` on the channel. */
  compare(place: string, a: Position, b: Position): number {
    if (a.epoch === b.epoch) return a.seq - b.seq;
    const epochs = this.#firstNamedAt.get(place);
    const [first, second] = [epochs?.get(a.epoch), epochs?.get(b.epoch)];
    if (first !== undefined && second !== undefined && first !== second) return first - second;
    return a.epoch < b.epoch ? -1 : 1;
  }
}
