import { writeSync } from 'node:fs';

/** Until a pipe that is full takes more. Its reader may stand still; a service must not stand still with it. */
const PIPE_PAUSE_MS = 10;
const PIPE_PATIENCE_MS = 200;
/** Lines between two attempts while nothing can be written: each attempt costs a system call. */
const RETRY_EVERY_MS = 1000;

type Write = (text: Buffer, offset: number) => number;

/**
 * Standard output for a log, written at once: the last lines before a crash are the ones that matter. What can't be written, because
 * the disk is full or nobody reads the pipe, is dropped and counted, and said as soon as something can be written again: a log is no reason
 * for a service to end.
 */
export class LogOutput {
  readonly #write: Write;
  #lost = 0;
  #lostSinceTold = 0;
  #fault: string | undefined;
  #triedMs = Number.NEGATIVE_INFINITY;

  constructor(write: Write = (text, offset) => writeSync(1, text, offset)) {
    this.#write = write;
  }

  /** Lines that were dropped since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Why lines are dropped now; `undefined` when they are not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  write(line: string): void {
    const nowMs = performance.now();
    if (this.#fault !== undefined && nowMs - this.#triedMs < RETRY_EVERY_MS) {
      this.#drop();
      return;
    }
    this.#triedMs = nowMs;
    try {
      if (this.#lostSinceTold > 0) this.#writeAll(this.#notice());
      this.#lostSinceTold = 0;
      this.#writeAll(line);
      this.#fault = undefined;
    } catch (error) {
      this.#fault = (error as { code?: string }).code ?? String(error);
      this.#drop();
    }
  }

  #drop(): void {
    this.#lost++;
    this.#lostSinceTold++;
  }

  #notice(): string {
    const fields = {
      level: 'error',
      time: new Date().toISOString(),
      lost: this.#lostSinceTold,
      code: this.#fault,
    };
    return `${JSON.stringify({ ...fields, msg: 'the log could not be written: these lines are missing' })}\n`;
  }

  #writeAll(text: string): void {
    const bytes = Buffer.from(text);
    const deadlineMs = performance.now() + PIPE_PATIENCE_MS;
    for (let offset = 0; offset < bytes.length; ) {
      try {
        offset += this.#write(bytes, offset);
      } catch (error) {
        const isFull = (error as { code?: string }).code === 'EAGAIN';
        if (!isFull || performance.now() > deadlineMs) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_PAUSE_MS);
      }
    }
  }
}
