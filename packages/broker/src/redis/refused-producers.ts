import type { Publication } from '../ports.ts';

/** A publisher sends a refused message again within seconds; later it may have done so by another gateway. */
const KEPT_MS = 5000;
/** Producers on channels that are remembered; of more, the oldest is forgotten. */
const MAX_PRODUCERS = 10_000;

interface RefusedMessage {
  readonly seq: number;
  readonly untilMs: number;
}

/**
 * Producers whose message was refused here while the broker could not take it. In a new generation the publish script lets a producer jump over what a
 * loss took, so it can't tell that the next message of such a producer overtakes the refused one.
 */
export class RefusedProducers {
  readonly #refused = new Map<string, RefusedMessage>();

  get isEmpty(): boolean {
    return this.#refused.size === 0;
  }

  /** These were refused, and are to be sent again. */
  note(publications: readonly Publication[]): void {
    const untilMs = performance.now() + KEPT_MS;
    for (const publication of publications) {
      if (publication.dedupe?.kind !== 'producer') continue;
      const key = keyOf(publication.channel, publication.dedupe.producer);
      const { seq } = publication.dedupe;
      const known = this.#refused.get(key);
      if (known !== undefined && known.seq <= seq) continue;
      this.#refused.set(key, { seq, untilMs });
      const [oldest] = this.#refused.keys();
      if (this.#refused.size > MAX_PRODUCERS && oldest !== undefined) this.#refused.delete(oldest);
    }
  }

  /** Does this message come behind a refused one of its producer? The refused one itself, and one whose producer has given it up, do not. */
  overtakes({ channel, dedupe }: Publication): boolean {
    if (dedupe?.kind !== 'producer') return false;
    const key = keyOf(channel, dedupe.producer);
    const refused = this.#refused.get(key);
    if (refused === undefined) return false;
    if (dedupe.seq > refused.seq && performance.now() < refused.untilMs) return dedupe.prev >= refused.seq;
    this.#refused.delete(key);
    return false;
  }
}

function keyOf(channel: string, producer: string): string {
  return `${channel}|${producer}`;
}
