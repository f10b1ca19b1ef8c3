import type { Part } from '@carillon/service';

/** A start that takes longer than this is one that waits for something: `/health` and `/ready` have to say for what. */
const LISTEN_AT_LATEST_MS = 2000;

/**
 * Listens when the gateway can serve, and not before: a proxy without health checks of its own, such as nginx, sends requests to every
 * port that is open, and passes on the 503 of a gateway that is starting. A port that is closed has it try another gateway.
 */
export class LateListener {
  readonly #listener: Part;
  #opened: Promise<void> | undefined;

  constructor(listener: Part) {
    this.#listener = listener;
  }

  /** Comes before all parts that answers need: it closes the listener after they have stopped. */
  get closes(): Part {
    const { name, stop } = this.#listener;
    return { name, ...(stop !== undefined && { stop: () => this.#close(stop) }) };
  }

  /** Comes when clients can be served. */
  get opens(): Part {
    return { name: this.#listener.name, start: (signal) => this.#open(signal) };
  }

  /** The same part; while its start takes long the listener is open. */
  before(part: Part): Part {
    return { ...part, start: (signal) => this.#startBeside(part, signal) };
  }

  async #startBeside(part: Part, signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    let failure: unknown;
    const onFailure = (error: unknown): void => {
      failure = error;
      failed.abort(error);
    };
    const timer = setTimeout(() => this.#open(signal).catch(onFailure), LISTEN_AT_LATEST_MS);
    try {
      await part.start?.(AbortSignal.any([signal, failed.signal]));
    } catch (error) {
      throw failure ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(signal: AbortSignal): Promise<void> {
    this.#opened ??= this.#listener.start?.(signal);
    await this.#opened;
  }

  async #close(stop: () => Promise<void>): Promise<void> {
    // One that could not listen has nothing to close.
    await this.#opened?.catch(() => undefined);
    await stop();
  }
}
