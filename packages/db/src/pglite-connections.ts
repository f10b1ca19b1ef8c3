import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';
import { messagesOf, notificationsIn, RequestCutter } from './pglite-protocol.ts';

/**
 * Connections of `pg` to a PGlite of the same process, without a socket. PGlite is one session: a request goes through as
 * a whole, and while a transaction is open only the connection that opened it is served.
 */
export class PgliteConnections {
  readonly #pglite: PGlite;
  readonly #open = new Set<PgliteStream>();
  readonly #waiting: { readonly stream: PgliteStream; readonly unit: Buffer }[] = [];
  #owner: PgliteStream | undefined;
  #working = false;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /** For the `stream` option of `pg`. */
  readonly connect = (): PgliteStream => {
    const stream = new PgliteStream(
      (unit) => this.#enqueue(stream, unit),
      () => this.#closed(stream),
    );
    this.#open.add(stream);
    return stream;
  };

  #enqueue(stream: PgliteStream, unit: Buffer): void {
    this.#waiting.push({ stream, unit });
    if (!this.#working) void this.#work();
  }

  #closed(stream: PgliteStream): void {
    if (!this.#open.delete(stream)) return;
    for (let i = this.#waiting.length - 1; i >= 0; i--)
      if (this.#waiting[i]!.stream === stream) this.#waiting.splice(i, 1);
    if (!this.#working) void this.#work();
  }

  /** Never rejects: a failure ends the connection whose request failed. */
  async #work(): Promise<void> {
    this.#working = true;
    for (;;) {
      await this.#rollBackAbandoned();
      const next = this.#next();
      if (next === undefined) break;
      try {
        await this.#execute(next.stream, next.unit);
      } catch (error) {
        next.stream.destroy(error instanceof Error ? error : new Error(String(error)));
      }
      this.#owner = this.#pglite.isInTransaction() ? next.stream : undefined;
    }
    this.#working = false;
  }

  #next(): { readonly stream: PgliteStream; readonly unit: Buffer } | undefined {
    if (this.#owner === undefined) return this.#waiting.shift();
    const at = this.#waiting.findIndex(({ stream }) => stream === this.#owner);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  async #execute(stream: PgliteStream, unit: Buffer): Promise<void> {
    for (const message of messagesOf(unit)) {
      const parts: Buffer[] = [];
      await this.#pglite.runExclusive(() =>
        this.#pglite.execProtocolRawStream(message, { onRawData: (part) => parts.push(Buffer.from(part)) }),
      );
      const answer = Buffer.concat(parts);
      stream.receive(answer);
      for (const notification of notificationsIn(answer))
        for (const other of this.#open) if (other !== stream) other.receive(notification);
    }
  }

  async #rollBackAbandoned(): Promise<void> {
    if (this.#owner === undefined || this.#open.has(this.#owner)) return;
    this.#owner = undefined;
    if (this.#pglite.isInTransaction()) await this.#pglite.exec('rollback');
  }
}

/** Looks like a socket to `pg`. */
class PgliteStream extends Duplex {
  readonly #cutter = new RequestCutter();
  readonly #onUnit: (unit: Buffer) => void;
  readonly #onClosed: () => void;

  constructor(onUnit: (unit: Buffer) => void, onClosed: () => void) {
    super({ allowHalfOpen: false });
    this.#onUnit = onUnit;
    this.#onClosed = onClosed;
  }

  connect(): this {
    setImmediate(() => this.emit('connect'));
    return this;
  }

  receive(answer: Buffer): void {
    if (answer.length > 0 && !this.destroyed && !this.readableEnded) this.push(answer);
  }

  override _read(): void {
    // Answers are pushed as they come: `pg` asks for one at a time.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const { units, terminate } = this.#cutter.add(bytes);
    for (const unit of units) this.#onUnit(unit);
    done();
    if (terminate) this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onClosed();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
