import type { LogEntry, PersistenceLog } from '@carillon/broker';
import { backoffMs } from '@carillon/service';
import { type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import type { MessageWriter, NotStored } from './message-writer.ts';

/** From this number on, messages refused at the same time are a fault of the database; fewer are faulty themselves. */
const FAULT_FROM_MESSAGES = 3;
/** Refusals looked for in one attempt: enough to know a fault, without asking for every message of it. */
const MAX_REFUSED_PER_ATTEMPT = 8;
/** With as many in hand nothing new is read: a database that refuses all of them is as good as away. */
const MAX_HELD = 10_000;
const MAX_HELD_CHARS = 32 * 1024 * 1024;
const CHUNK = 500;
const MAX_PAUSE_MS = 5000;

export interface Patience {
  /** How long a refused message is tried again before it becomes a dead letter. */
  readonly messageMs: number;
  /** The same while a fault of the database refuses several, counted from the fault's beginning. */
  readonly faultMs: number;
}

export const DEFAULT_PATIENCE: Patience = { messageMs: 30_000, faultMs: 600_000 };

export interface RefusedDependencies {
  readonly log: PersistenceLog;
  readonly writer: MessageWriter;
  readonly telemetry: Telemetry;
  readonly patience: Patience;
}

interface Held {
  readonly entry: LogEntry;
  readonly sinceMs: number;
  /** `undefined`: not tried by itself yet. */
  reason: string | undefined;
}

interface Fault {
  readonly sinceMs: number;
  lastMs: number;
  reason: string;
}

/**
 * Messages that Postgres refused. A refusal may be the message's own fault or that of a trigger, a constraint or an index which an operator
 * repairs within minutes, so each is tried again before it becomes a dead letter; others go on meanwhile. In the log they stay uncommitted:
 * when this process ends, another worker takes them over. Times are those of performance.now().
 */
export class RefusedMessages {
  readonly #deps: RefusedDependencies;
  readonly #logger: Logger;
  /** Refused entries, the one tried longest ago first. Bounded by {@link hasRoom}, which is asked before more are read. */
  readonly #held = new Map<string, Held>();
  #heldChars = 0;
  #fault: Fault | undefined;
  #failures = 0;
  #nextMs = 0;

  constructor(deps: RefusedDependencies) {
    this.#deps = deps;
    this.#logger = deps.telemetry.loggerOf('persistence');
    deps.telemetry.metrics.gauge(METRICS.refusedMessages, () => this.#held.size);
  }

  /** Why accepted messages are not stored though the database answers, for readiness. */
  get problem(): string | undefined {
    if (this.#fault === undefined) return undefined;
    const { reason } = this.#fault;
    return this.#hasGivenUp()
      ? `Postgres refuses messages, which become dead letters: ${reason}`
      : `Postgres refuses messages (${this.#held.size} wait): ${reason}`;
  }

  get hasRoom(): boolean {
    return this.#held.size < MAX_HELD && this.#heldChars < MAX_HELD_CHARS;
  }

  /** Refusals that a batch is searched for. */
  get maxRefused(): number {
    return this.#hasGivenUp() ? Number.POSITIVE_INFINITY : MAX_REFUSED_PER_ATTEMPT;
  }

  has(entry: LogEntry): boolean {
    return this.#held.has(keyOf(entry));
  }

  /** Takes what a batch could not have stored, and answers what waits here; the rest of it is in the dead letters. */
  async take({ refused, untried }: Pick<NotStored, 'refused' | 'untried'>): Promise<ReadonlySet<LogEntry>> {
    if (refused.size === 0) return untried;
    const nowMs = performance.now();
    for (const entry of untried) this.#hold(entry, undefined, nowMs);
    for (const [entry, reason] of refused) this.#hold(entry, reason, nowMs);
    this.#recognise(nowMs);
    if (!this.#hasGivenUp()) return new Set([...refused.keys(), ...untried]);
    for (const [entry, reason] of refused) {
      await this.#deps.writer.putAside(entry, reason);
      this.#drop(entry);
    }
    return untried;
  }

  /** Call often: tries everything again when it is time to. */
  readonly tryAgain = async (_signal: AbortSignal, progress: () => void): Promise<void> => {
    if (performance.now() < this.#nextMs) return;
    const before = this.#held.size;
    if (before > 0) await this.#round(progress);
    this.#failures = this.#held.size > 0 && this.#held.size >= before ? this.#failures + 1 : 0;
    this.#nextMs = performance.now() + backoffMs(Math.max(1, this.#failures), { maxMs: MAX_PAUSE_MS });
    this.#endFault();
  };

  async #round(progress: () => void): Promise<void> {
    const nowMs = performance.now();
    const [due, early] = [[] as LogEntry[], [] as LogEntry[]];
    for (const held of this.#held.values()) (this.#isDue(held, nowMs) ? due : early).push(held.entry);
    for (const chunk of chunksOf(due)) {
      await this.#try(chunk, { isLast: true });
      progress();
    }
    let refused = 0;
    for (const chunk of chunksOf(early)) {
      refused += await this.#try(chunk, { isLast: false });
      progress();
      if (refused >= MAX_REFUSED_PER_ATTEMPT) return;
    }
  }

  /** @returns how many were refused */
  async #try(entries: readonly LogEntry[], { isLast }: { readonly isLast: boolean }): Promise<number> {
    const { writer, log } = this.#deps;
    const maxRefused = isLast ? Number.POSITIVE_INFINITY : MAX_REFUSED_PER_ATTEMPT;
    const { putAside, refused, untried } = await writer.write(entries, maxRefused);
    const nowMs = performance.now();
    for (const [entry, reason] of refused) {
      if (isLast) await writer.putAside(entry, reason);
      else this.#hold(entry, reason, nowMs);
    }
    if (refused.size > 0) this.#recognise(nowMs);
    const isDone = (entry: LogEntry): boolean => !untried.has(entry) && (isLast || !refused.has(entry));
    const done = entries.filter(isDone);
    // Put aside is not stored: nobody may be told that it is.
    const told = done.map((entry) =>
      putAside.has(entry) || refused.has(entry) ? { ...entry, storedTo: undefined } : entry,
    );
    if (told.length > 0) await log.commit(told);
    for (const entry of done) this.#drop(entry);
    return refused.size;
  }

  #hold(entry: LogEntry, reason: string | undefined, nowMs: number): void {
    const key = keyOf(entry);
    const known = this.#held.get(key);
    this.#held.delete(key); // to the end
    this.#held.set(key, known ?? { entry, sinceMs: nowMs, reason });
    if (known === undefined) this.#heldChars += entry.record.length;
    else known.reason = reason;
  }

  #drop(entry: LogEntry): void {
    if (this.#held.delete(keyOf(entry))) this.#heldChars -= entry.record.length;
  }

  #isDue({ sinceMs }: Held, nowMs: number): boolean {
    const { messageMs, faultMs } = this.#deps.patience;
    return this.#fault === undefined ? nowMs - sinceMs >= messageMs : nowMs - this.#fault.sinceMs >= faultMs;
  }

  /** Something was refused just now. */
  #recognise(nowMs: number): void {
    let [count, reason] = [0, ''];
    for (const held of this.#held.values()) {
      if (held.reason === undefined) continue;
      reason = held.reason;
      if (++count === FAULT_FROM_MESSAGES) break;
    }
    if (this.#fault !== undefined) {
      this.#fault.lastMs = nowMs;
      if (reason !== '') this.#fault.reason = reason;
    } else if (count === FAULT_FROM_MESSAGES) {
      this.#fault = { sinceMs: nowMs, lastMs: nowMs, reason };
      const { faultMs } = this.#deps.patience;
      this.#logger.error({ reason, untilDeadLettersMs: faultMs }, 'Postgres refuses messages; they wait');
    }
  }

  /** Nothing waits any more. After giving up, when nothing has been refused for a while: nothing shows it sooner. */
  #endFault(): void {
    if (this.#fault === undefined || this.#held.size > 0) return;
    const quietMs = performance.now() - this.#fault.lastMs;
    if (this.#hasGivenUp() && quietMs < this.#deps.patience.messageMs) return;
    this.#fault = undefined;
    this.#logger.info('Postgres takes messages again');
  }

  #hasGivenUp(): boolean {
    return (
      this.#fault !== undefined && performance.now() - this.#fault.sinceMs >= this.#deps.patience.faultMs
    );
  }
}

function keyOf({ partition, entryId }: LogEntry): string {
  return `${partition} ${entryId}`;
}

function chunksOf(entries: readonly LogEntry[]): readonly (readonly LogEntry[])[] {
  return Array.from({ length: Math.ceil(entries.length / CHUNK) }, (_, i) =>
    entries.slice(i * CHUNK, (i + 1) * CHUNK),
  );
}
