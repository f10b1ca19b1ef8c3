import type { Logger } from 'pino';

const DEFAULT_EVERY_MS = 5000;
/** Kinds of trouble told apart at a time. */
const MAX_KINDS = 20;

interface Told {
  readonly atMs: number;
  suppressed: number;
}

/**
 * Logs the same trouble at most once per interval, with how often it happened: a loop that fails must not fill the disk.
 * The same is what has the same message and error; another error is logged at once.
 */
export class RepeatedLog {
  readonly #logger: Logger;
  readonly #everyMs: number;
  readonly #told = new Map<string, Told>();

  constructor(logger: Logger, everyMs: number = DEFAULT_EVERY_MS) {
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  /** `fields.err` is the error, if there is one. */
  warn(fields: object, message: string): void {
    this.#log('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message);
  }

  /** The trouble is over: the next one is logged at once. */
  reset(): void {
    this.#told.clear();
  }

  #log(level: 'warn' | 'error', fields: object, message: string): void {
    const kind = `${message}\n${errorKind(fields)}`;
    const nowMs = performance.now();
    const told = this.#told.get(kind);
    if (told !== undefined && nowMs - told.atMs < this.#everyMs) {
      told.suppressed++;
      return;
    }
    const suppressed = told?.suppressed ?? 0;
    this.#logger[level](suppressed > 0 ? { ...fields, repeated: suppressed } : fields, message);
    // Deleted first, so that the oldest stands first.
    this.#told.delete(kind);
    if (this.#told.size >= MAX_KINDS) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(kind, { atMs: nowMs, suppressed: 0 });
  }
}

function errorKind(fields: object): string {
  const { err } = fields as { err?: unknown };
  if (!(err instanceof Error)) return err === undefined ? '' : String(err);
  const { code } = err as { code?: unknown };
  // With a code the message may differ each time, by a port or an id.
  return code === undefined ? err.message : String(code);
}
