import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { CarillonError } from '@carillon/protocol';
import { stoppedError } from '../stopped-error.ts';
import type { Journal } from './journal.ts';
import type { JournalEntry, JournalFsync, Written } from './journal-entry.ts';
import { encodeFrame, FrameEncoder } from './journal-frames.ts';

/** A frame is closed at this size: its checksum is computed at once, and a reader takes it as a whole. */
const MAX_FRAME_CHARS = 1024 * 1024;
const RETRY_EVERY_MS = 1000;
const FSYNC_EVERY_MS = 1000;
const ONLY_OWNER = 0o600;

type Settle = (problem: CarillonError | undefined) => void;

export interface JournalWriterOptions {
  readonly fsync: JournalFsync;
  /** Writing works again after it had failed. */
  readonly onRepaired: () => void;
}

/** Appends to one file after the other. */
export class JournalWriter implements Journal {
  readonly keeps = true;
  readonly #options: JournalWriterOptions;
  readonly #encoder = new FrameEncoder();
  #fd: number | undefined;
  /** End of what counts. Behind it there may be the remains of a write that failed. */
  #bytes = 0;
  /** Entries as JSON and their texts, in turns. Bounded: while writing fails, changes are refused. */
  #pending: string[] = [];
  #waiting: Settle[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #problem: CarillonError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unsynced = false;
  #mustSync = false;
  /** Bytes of the present file that are on the disk, not yet noted; 0: nothing to note. */
  #syncedBytes = 0;
  #syncing = false;
  #retired: number[] = [];
  #syncProblem: string | undefined;
  /** A flush that failed may have dropped what it was to bring to the disk, and the next one says nothing of it. */
  #hasSynced = true;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
  }

  get problem(): CarillonError | undefined {
    return this.#problem;
  }

  /** Why what was written may not be on the disk. */
  get syncProblem(): string | undefined {
    return this.#syncProblem;
  }

  /** The disk has taken everything so far that it was given. */
  get isSound(): boolean {
    return this.#problem === undefined && this.#hasSynced;
  }

  /** The present file. */
  get fd(): number {
    if (this.#fd === undefined) throw stoppedError();
    return this.#fd;
  }

  /** Bytes in the present file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Goes on in this file, behind `bytes`; what stands behind them is cut off. What was appended before stays in the file before. */
  switchTo(path: string, bytes: number, header?: Written): void {
    this.flush();
    // First the one before, also on the disk: a damaged end is no damage only in the last file.
    if (this.#fd !== undefined) fdatasyncSync(this.#fd);
    const fd = openSync(path, header === undefined ? 'r+' : 'wx+', ONLY_OWNER);
    try {
      ftruncateSync(fd, bytes);
      this.#bytes = header === undefined ? bytes : writeAt(fd, encodedEntry(header), 0);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const before = this.#fd;
    this.#fd = fd;
    this.#syncedBytes = 0;
    this.#unsynced = true;
    if (before !== undefined) this.#retire(before);
    this.#timer ??= setInterval(() => this.#sync(), FSYNC_EVERY_MS).unref();
  }

  append(entry: JournalEntry, text = ''): void {
    this.appendJson(JSON.stringify(entry), text);
  }

  appendJson(json: string, text: string): void {
    this.#pending.push(json, text);
    // In the phase after the reads of this turn: everything that the turn brings shares the write.
    if (this.#problem === undefined) this.#scheduled ??= setImmediate(() => this.#attempt());
  }

  flush(): void {
    if (this.#problem === undefined && this.#pending.length > 0) this.#attempt();
    if (this.#problem !== undefined) throw this.#problem;
  }

  /** Brings what was appended to the disk, before anybody is told of it or of anything later. While that isn't possible there is a `problem`. */
  sync(): void {
    this.#mustSync = true;
    if (this.#problem === undefined) this.#attempt();
  }

  afterWrite(settle: Settle): void {
    if (this.#pending.length === 0) settle(undefined);
    else this.#waiting.push(settle);
  }

  /** Everything is on the disk. @throws Error when it can't be brought there */
  close(): void {
    clearInterval(this.#timer);
    const fd = this.#fd;
    if (fd === undefined) return;
    try {
      this.flush();
      fdatasyncSync(fd);
    } finally {
      this.#fd = undefined;
      this.#problem = stoppedError();
      this.#retire(fd);
    }
  }

  /** Closes a file when no flush of it is under way: its number may belong to another file afterwards. */
  #retire(fd: number): void {
    if (this.#syncing) this.#retired.push(fd);
    else closeSync(fd);
  }

  #attempt(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#pending.length === 0 || this.#fd === undefined) return;
    const failed = this.#problem;
    try {
      this.#write(this.#fd);
    } catch (error) {
      this.#failed(error as Error);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const settle of waiting) settle(this.#problem);
    if (failed !== undefined && this.#problem === undefined) this.#options.onRepaired();
  }

  #write(fd: number): void {
    let end = this.#bytes;
    if (this.#syncedBytes > 0) this.#noteSynced();
    for (const parts of frames(this.#pending)) end = writeAt(fd, this.#encoder.encode(parts), end);
    const isSynced = this.#options.fsync === 'always' || this.#mustSync;
    if (isSynced) fdatasyncSync(fd);
    this.#unsynced = !isSynced;
    this.#mustSync = false;
    this.#bytes = end;
    this.#pending = [];
    this.#problem = undefined;
  }

  /** A reader knows then what damage a loss of power can't have done. With what is written anyway: once a second at most. */
  #noteSynced(): void {
    const entry: JournalEntry = { type: 'synced', bytes: this.#syncedBytes };
    this.#pending.push(JSON.stringify(entry), '');
    this.#syncedBytes = 0;
  }

  /** Keeps the appended entries until writing works again: the memory has them, and no client was answered. */
  #failed(cause: Error): void {
    this.#problem = new CarillonError('UNAVAILABLE', `The journal can't be written: ${cause.message}.`, {
      cause,
      retryAfterMs: RETRY_EVERY_MS,
    });
    try {
      ftruncateSync(this.#fd!, this.#bytes);
    } catch {
      // The next attempt writes over the remains; a crash before it leaves a cut frame, which a reader knows.
    }
    setTimeout(() => this.#attempt(), RETRY_EVERY_MS).unref();
  }

  #sync(): void {
    if (!this.#unsynced || this.#syncing || this.#fd === undefined) return;
    this.#unsynced = false;
    this.#syncing = true;
    const [fd, bytes] = [this.#fd, this.#bytes];
    fdatasync(fd, (error) => {
      this.#syncing = false;
      if (error === null && fd === this.#fd) this.#syncedBytes = bytes;
      this.#syncProblem = error?.message;
      if (error !== null) {
        this.#unsynced = true;
        this.#hasSynced = false;
      }
      for (const retired of this.#retired.splice(0)) closeSync(retired);
    });
  }
}

function encodedEntry([entry, text]: Written): Buffer {
  return encodeFrame([JSON.stringify(entry), text]);
}

/** Answers where it ends. */
function writeAt(fd: number, bytes: Buffer, start: number): number {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, start + done);
  return start + bytes.length;
}

function* frames(parts: readonly string[]): Generator<readonly string[]> {
  let from = 0;
  let chars = 0;
  for (let i = 0; i < parts.length; i += 2) {
    chars += parts[i]!.length + parts[i + 1]!.length;
    if (chars < MAX_FRAME_CHARS) continue;
    yield parts.slice(from, i + 2);
    from = i + 2;
    chars = 0;
  }
  if (from < parts.length) yield from === 0 ? parts : parts.slice(from);
}
