import { mkdirSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { JournalEnding } from './journal-ending.ts';
import type { JournalEntry, JournalFsync, Written } from './journal-entry.ts';
import { JournalCorruptError } from './journal-error.ts';
import {
  DRAFT_SUFFIX,
  generationsIn,
  headerOf,
  type MayFollow,
  pathOf,
  readJournalFile,
  removeBefore,
  removeDrafts,
  syncFolder,
} from './journal-files.ts';
import { encodeFrame } from './journal-frames.ts';
import { JournalWriter } from './journal-writer.ts';
import { type Machine, THIS_MACHINE } from './machine.ts';

const ONLY_OWNER_FOLDER = 0o700;
const ONLY_OWNER = 0o600;
/** A log below this is not worth a snapshot. At start it is read in some 100 ms. */
const SNAPSHOT_FROM_BYTES = 16 * 1024 * 1024;
/** A log of so many times the size of the last snapshot is worth another one. */
const LOG_TO_SNAPSHOT = 2;
/** Of a snapshot this much is written with one call; between two calls the event loop turns. */
const CHUNK_CHARS = 256 * 1024;

export interface JournalOptions {
  readonly folder: string;
  readonly fsync: JournalFsync;
  /** Default 256 KiB. */
  readonly snapshotChunkChars?: number;
  /** Default: this one. */
  readonly machine?: Machine;
  /** Told at the start when the journal may lack what was accepted last: channels begin new epochs. */
  readonly onMayLackEnd?: (reason: string) => void;
}

/** Result of opening a journal. */
export interface Opened {
  /** Was there anything? */
  readonly isFound: boolean;
  /** Why what was accepted last may be missing; `undefined`: it is all there. */
  readonly mayLackEnd: string | undefined;
}

/**
 * The files of a journal: a log that grows, and snapshots in whose place it begins anew, so that disk and start are bounded by the state
 * and not by its history.
 */
export class JournalStore {
  readonly writer: JournalWriter;
  readonly #folder: string;
  readonly #chunkChars: number;
  #generation = 0;
  #snapshotBytes = 0;
  /** Of older generations, which a snapshot that did not come about has left. */
  #olderBytes = 0;
  #isWritingSnapshot = false;
  #isStarted = false;
  #emptySinceMs: number | undefined;
  #snapshotProblem: string | undefined;
  readonly #fsync: JournalFsync;
  readonly #machine: Machine;
  readonly #ending = new JournalEnding();

  constructor(
    { folder, fsync, snapshotChunkChars = CHUNK_CHARS, machine = THIS_MACHINE }: JournalOptions,
    onRepaired: () => void,
  ) {
    this.#folder = folder;
    this.#chunkChars = snapshotChunkChars;
    this.#fsync = fsync;
    this.#machine = machine;
    this.writer = new JournalWriter({ fsync, onRepaired });
  }

  /** Problems for the operator. */
  get problems(): readonly string[] {
    const { problem, syncProblem } = this.writer;
    const sync =
      syncProblem === undefined ? [] : [`The journal can't be flushed to the disk: ${syncProblem}`];
    const snapshot =
      this.#snapshotProblem === undefined
        ? []
        : [`The journal grows, since no snapshot can be written: ${this.#snapshotProblem}`];
    return [...(problem === undefined ? [] : [problem.message]), ...sync, ...snapshot];
  }

  /** There is a snapshot to be written. */
  get isLong(): boolean {
    const grown = this.#olderBytes + this.writer.bytes;
    return (
      !this.#isWritingSnapshot &&
      grown >= Math.max(SNAPSHOT_FROM_BYTES, LOG_TO_SNAPSHOT * this.#snapshotBytes)
    );
  }

  /**
   * Reads what is there and goes on behind it.
   * @throws JournalCorruptError
   */
  open(apply: (entry: JournalEntry, text: string) => void): Opened {
    mkdirSync(this.#folder, { recursive: true, mode: ONLY_OWNER_FOLDER });
    removeDrafts(this.#folder);
    const base = this.#readSnapshot(apply);
    const logs = generationsIn(this.#folder, 'log').filter((generation) => generation >= base);
    const last = logs.at(-1);
    for (const generation of logs) this.#readLog(generation, generation === last, apply);
    if (last === undefined) this.#begin(base === 0 ? 1 : base);
    const isFound = base > 0 || last !== undefined;
    return { isFound, mayLackEnd: isFound ? this.#ending.mayLack(this.#machine.boot()) : undefined };
  }

  /** Notes under which conditions it is written from now on, on the disk: before that is known, nothing may be accepted. */
  start(emptySinceMs?: number): void {
    this.#isStarted = true;
    this.#emptySinceMs = emptySinceMs;
    this.#noteStart();
    this.writer.sync();
  }

  /** Everything is on the disk. */
  close(): void {
    if (this.#isStarted && this.writer.isSound) this.writer.append({ type: 'closed' });
    this.writer.close();
  }

  /**
   * Begins a new log and writes the state that was before it. The state is read piece by piece while it changes: each change stands in the
   * new log as well, and the entries of both together give the same as the log alone.
   */
  async writeSnapshot(entries: () => Iterable<Written>): Promise<void> {
    this.#isWritingSnapshot = true;
    try {
      const before = this.writer.bytes;
      this.#begin(this.#generation + 1);
      if (this.#isStarted) this.#noteStart();
      // A kill in between would leave a file that does not say how it was written.
      this.writer.flush();
      this.#olderBytes += before;
      this.#snapshotBytes = await this.#write(entries());
      this.#olderBytes = 0;
      this.#snapshotProblem = undefined;
    } catch (error) {
      // The logs so far stay, and say the same.
      this.#snapshotProblem = (error as Error).message;
    } finally {
      this.#isWritingSnapshot = false;
    }
  }

  #begin(generation: number): void {
    this.writer.switchTo(pathOf(this.#folder, generation, 'log'), 0, headerOf(generation, 'log'));
    this.#generation = generation;
    syncFolder(this.#folder);
  }

  #noteStart(): void {
    const boot = this.#machine.boot();
    const file = this.#machine.fileOf(this.writer.fd);
    const conditions = { boot, fsync: this.#fsync, file, emptySinceMs: this.#emptySinceMs };
    this.writer.append({ type: 'start', atMs: Date.now(), ...conditions });
  }

  #readSnapshot(apply: (entry: JournalEntry, text: string) => void): number {
    const generation = generationsIn(this.#folder, 'snapshot').at(-1);
    if (generation === undefined) return 0;
    const path = pathOf(this.#folder, generation, 'snapshot');
    let isComplete = false;
    const { offset } = readJournalFile(path, (entry, text) => {
      isComplete = entry.type === 'end';
      apply(entry, text);
    });
    // A snapshot gets its name only when it is complete.
    if (!isComplete) throw new JournalCorruptError(path, `it ends at byte ${offset}, before its end`);
    this.#snapshotBytes = offset;
    removeBefore(this.#folder, generation);
    return generation;
  }

  #readLog(generation: number, isLast: boolean, apply: (entry: JournalEntry, text: string) => void): void {
    const path = pathOf(this.#folder, generation, 'log');
    this.#ending.beginFile();
    const take = (entry: JournalEntry, text: string): void => {
      this.#ending.saw(entry);
      apply(entry, text);
    };
    const boot = this.#machine.boot();
    const mayFollow: MayFollow = (entry, at) => isLast && this.#ending.mayFollow(entry, at, boot);
    const { offset, size } = readJournalFile(path, take, mayFollow);
    // A log is left for the next one only when it is whole.
    if (!isLast && offset < size)
      throw new JournalCorruptError(path, `the frame at byte ${offset} is damaged`);
    if (!isLast) {
      this.#olderBytes += size;
      return;
    }
    this.#generation = generation;
    this.#ending.isCut = offset === 0 || offset < size;
    if (offset === 0) this.#rewriteHeader(path, generation);
    else {
      this.writer.switchTo(path, offset);
      this.#ending.file = this.#machine.fileOf(this.writer.fd);
    }
  }

  /** A crash came between the making of the file and its first frame. */
  #rewriteHeader(path: string, generation: number): void {
    renameSync(path, `${path}${DRAFT_SUFFIX}`);
    this.#begin(generation);
    removeDrafts(this.#folder);
  }

  async #write(entries: Iterable<Written>): Promise<number> {
    const path = pathOf(this.#folder, this.#generation, 'snapshot');
    const draft = `${path}${DRAFT_SUFFIX}`;
    const file = await open(draft, 'w', ONLY_OWNER);
    let bytes = 0;
    try {
      for (const parts of chunks(headerOf(this.#generation, 'snapshot'), entries, this.#chunkChars)) {
        const frame = encodeFrame(parts);
        await file.writeFile(frame);
        bytes += frame.length;
        await nextTurn();
      }
      await file.sync();
    } finally {
      await file.close();
    }
    renameSync(draft, path);
    syncFolder(this.#folder);
    removeBefore(this.#folder, this.#generation);
    return bytes;
  }
}

function* chunks(
  header: Written,
  entries: Iterable<Written>,
  chunkChars: number,
): Generator<readonly string[]> {
  let parts = [JSON.stringify(header[0]), header[1]];
  let chars = 0;
  for (const [entry, text] of entries) {
    const json = typeof entry === 'string' ? entry : JSON.stringify(entry);
    parts.push(json, text);
    chars += json.length + text.length;
    if (chars < chunkChars) continue;
    yield parts;
    parts = [];
    chars = 0;
  }
  if (parts.length > 0) yield parts;
}
