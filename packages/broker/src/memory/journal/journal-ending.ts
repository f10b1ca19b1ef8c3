import type { JournalEntry, JournalHeader, StartEntry } from './journal-entry.ts';
import { type Boot, isSameBoot } from './machine.ts';

/** Does a journal hold everything that was accepted? Judged by how its last file begins and ends. */
export class JournalEnding {
  #start: StartEntry | undefined;
  #isClosed = false;
  /** The last frame is not whole. */
  isCut = false;
  /** Names the last file. */
  file: string | undefined;

  /** The entries of another file follow: each says by itself how it was written. */
  beginFile(): void {
    this.#start = undefined;
    this.#isClosed = false;
  }

  saw(entry: JournalEntry): void {
    this.#isClosed = entry.type === 'closed';
    if (entry.type === 'start') this.#start = entry;
  }

  /**
   * May this entry stand behind a damaged frame, because the power went before the disk had both? Disks write in any order what is not flushed; so
   * not behind what is known to have been.
   */
  mayFollow(entry: JournalEntry | JournalHeader, damagedAt: number, now: Boot): boolean {
    if (this.#start === undefined || this.#start.fsync === 'always' || isSameBoot(this.#start.boot, now))
      return false;
    if (entry.type === 'start' || entry.type === 'closed' || entry.type === 'header') return false;
    return entry.type !== 'synced' || entry.bytes <= damagedAt;
  }

  /** Why what was accepted last may be missing; `undefined`: it is all there. */
  mayLack(now: Boot): string | undefined {
    if (this.isCut) return 'its last entry is cut';
    if (this.#start === undefined) return 'it does not say how it was written';
    if (this.#start.file !== this.file) return 'it is a copy';
    if (this.#isClosed || this.#start.fsync === 'always' || isSameBoot(this.#start.boot, now))
      return undefined;
    return 'the machine was started again, and it was flushed once a second';
  }
}
