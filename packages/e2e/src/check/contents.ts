import type { Position } from '@carillon/protocol';

/** Contents of one channel by position, as reported to publishers and seen by subscribers. */
export class ChannelContents {
  readonly #keys = new Map<string, Map<number, string>>();
  readonly #positions = new Map<string, Position[]>();

  add({ epoch, seq }: Position, key: string): void {
    const keys = this.#keys.get(epoch) ?? new Map<number, string>();
    this.#keys.set(epoch, keys);
    if (keys.has(seq)) return; // with another content: `one-content` says so
    keys.set(seq, key);
    const positions = this.#positions.get(key);
    if (positions === undefined) this.#positions.set(key, [{ epoch, seq }]);
    else positions.push({ epoch, seq });
  }

  at({ epoch, seq }: Position): string | undefined {
    return this.#keys.get(epoch)?.get(seq);
  }

  /** More than one after a loss: it was published again. */
  positionsOf(key: string): readonly Position[] {
    return this.#positions.get(key) ?? [];
  }

  /** Everything whose position `isMeant`. */
  *where(
    isMeant: (position: Position) => boolean,
  ): Generator<{ readonly key: string; readonly position: Position }> {
    for (const [epoch, keys] of this.#keys)
      for (const [seq, key] of keys) if (isMeant({ epoch, seq })) yield { key, position: { epoch, seq } };
  }
}
