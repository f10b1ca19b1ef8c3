import type { Publishing, RealtimeClient, RealtimeError } from '@carillon/client';
import type { Position } from '@carillon/protocol';
import { EpochOrder } from './epoch-order.ts';
import type { Recorder } from './history-file.ts';

/** Refusals after which the message may be in the channel all the same. */
const UNKNOWN: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'TIMEOUT', 'INTERNAL']);

/** The newest accepted position of each channel, over all publishers: what subscribers have to reach. */
export class Frontier {
  readonly #newest = new Map<string, Position>();
  readonly #order = new EpochOrder();
  accepted = 0;

  push(place: string, position: Position): void {
    this.accepted++;
    this.#order.note(place, position.epoch, performance.now());
    const known = this.#newest.get(place);
    if (known === undefined || this.compare(place, position, known) > 0) this.#newest.set(place, position);
  }

  /** Below 0 when `a` comes before `b` on the channel. */
  compare(place: string, a: Position, b: Position): number {
    return this.#order.compare(place, a, b);
  }

  /** By app and channel. */
  get newest(): ReadonlyMap<string, Position> {
    return this.#newest;
  }

  of(place: string): Position | undefined {
    return this.#newest.get(place);
  }
}

export interface RecordedPublisherOptions {
  readonly app: string;
  readonly client: RealtimeClient;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
  readonly frontier: Frontier;
  /** Waits until it is told that each message is stored, too. Default false. */
  readonly wantsStored?: boolean;
}

/** Publishes to its channels in turn and takes down what it was told. */
export class RecordedPublisher {
  readonly #options: RecordedPublisherOptions;
  readonly #open = new Set<Promise<void>>();
  readonly #unstored = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(options: RecordedPublisherOptions) {
    this.#options = options;
  }

  /** Publishes calls that wait for their outcome. */
  get waiting(): number {
    return this.#open.size;
  }

  /** `burst` messages every `everyMs`. While `maxWaiting` outcomes are due, it holds back. */
  start(everyMs: number, { burst = 1, maxWaiting = 500 } = {}): void {
    this.#timer = setInterval(() => {
      for (let i = 0; i < burst && this.#open.size < maxWaiting; i++) void this.publish();
    }, everyMs);
  }

  /** Publishes one message; resolves when its outcome is known. */
  publish(): Promise<void> {
    const { channels } = this.#options;
    const running = this.#publishTo(channels[this.#count % channels.length]!).finally(() =>
      this.#open.delete(running),
    );
    this.#open.add(running);
    return running;
  }

  pause(): void {
    clearInterval(this.#timer);
  }

  /** Stops, and waits until everything has an outcome, and is stored where that was asked for. */
  async finish(): Promise<void> {
    this.pause();
    await Promise.all(this.#open);
    await Promise.all(this.#unstored);
  }

  /** Ends as a process does that is killed: nothing of it is repeated any more. */
  end(): void {
    this.pause();
    this.#options.client.close();
  }

  #awaitStored(key: string, stored: Promise<Position>): void {
    const { recorder } = this.#options;
    const waiting: Promise<void> = stored
      .then((position) => recorder.record({ type: 'stored-told', at: Date.now(), key, ...position }))
      .catch(() => undefined) // it was not told: the checker says so
      .finally(() => this.#unstored.delete(waiting));
    this.#unstored.add(waiting);
  }

  async #publishTo(channel: string): Promise<void> {
    const { app, client, recorder, frontier, wantsStored = false } = this.#options;
    const key = `${recorder.process}-${++this.#count}`;
    recorder.record({ type: 'publish', at: Date.now(), app, channel, key, wantsStored });
    try {
      const publishing: Publishing = wantsStored
        ? client.publish(channel, { key }, { stored: true })
        : client.publish(channel, { key });
      const { epoch, seq } = await publishing;
      frontier.push(`${app}/${channel}`, { epoch, seq });
      recorder.record({ type: 'outcome', at: Date.now(), key, outcome: 'ok', epoch, seq });
      if (publishing.stored !== undefined) this.#awaitStored(key, publishing.stored);
    } catch (error) {
      const { code } = error as RealtimeError;
      recorder.record({
        type: 'outcome',
        at: Date.now(),
        key,
        outcome: UNKNOWN.has(code) ? 'unknown' : 'failed',
        code,
      });
    }
  }
}
