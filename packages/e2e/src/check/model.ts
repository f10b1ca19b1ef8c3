import type { Position } from '@carillon/protocol';
import { ChannelContents } from './contents.ts';
import { EpochOrder } from './epoch-order.ts';
import type {
  BeginEvent,
  ForgottenEvent,
  FoundEvent,
  HealedEvent,
  HistoryEvent,
  NoticeEvent,
  ProcessHistory,
  ReceiveEvent,
  RecoveredEvent,
} from './history.ts';

/** A publish call and what became of it. Without an answer its outcome is unknown. */
export interface Attempt {
  readonly key: string;
  readonly publisher: string;
  readonly app: string;
  readonly channel: string;
  /** Place among the publisher's attempts on the channel. */
  readonly n: number;
  readonly at: number;
  outcome: 'ok' | 'failed' | 'unknown';
  /** Of `ok`. */
  position: Position | undefined;
  /** Of `failed` and `unknown`, when it was heard. */
  code: string | undefined;
  /** When the outcome was heard. */
  answeredAt: number | undefined;
  readonly wantsStored: boolean;
  /** Was the publisher told that it is stored? */
  storedTold: boolean;
}

/** One subscription of one subscriber, over all reconnects. */
export interface Life {
  readonly subscriber: string;
  readonly app: string;
  readonly channel: string;
  readonly begin: BeginEvent;
  readonly events: (ReceiveEvent | NoticeEvent | RecoveredEvent)[];
  ended: boolean;
}

/** All histories, sorted by what they are about. */
export interface Model {
  readonly attempts: ReadonlyMap<string, Attempt>;
  readonly lives: readonly Life[];
  readonly stored: readonly FoundEvent[];
  readonly reread: readonly FoundEvent[];
  readonly healed: readonly HealedEvent[];
  readonly faults: ReadonlyMap<string, number>;
  /** Keys of what nothing may have had any more, besides who had received it. */
  readonly forgotten: ReadonlySet<string>;
  /** Of the epochs of each channel. */
  readonly order: EpochOrder;
  /** By channel. */
  readonly contents: ReadonlyMap<string, ChannelContents>;
  /** Events that make no sense, e.g. a second outcome for a key: the histories themselves are broken. */
  readonly nonsense: readonly string[];
}

export function channelOf({ app, channel }: { readonly app: string; readonly channel: string }): string {
  return `${app}/${channel}`;
}

export function buildModel(histories: Iterable<ProcessHistory>): Model {
  const builder = new ModelBuilder();
  for (const { process, events } of histories) {
    for (const event of events) builder.add(process, event);
    builder.endProcess();
  }
  return builder.build();
}

class ModelBuilder {
  readonly #attempts = new Map<string, Attempt>();
  readonly #lives: Life[] = [];
  readonly #open = new Map<string, Life>();
  readonly #counts = new Map<string, number>();
  readonly #found: Record<FoundEvent['type'], FoundEvent[]> = { stored: [], reread: [] };
  readonly #healed: HealedEvent[] = [];
  readonly #faults = new Map<string, number>();
  readonly #forgotten: ForgottenEvent[] = [];
  readonly #order = new EpochOrder();
  readonly #contents = new Map<string, ChannelContents>();
  readonly #nonsense: string[] = [];

  add(process: string, event: HistoryEvent): void {
    switch (event.type) {
      case 'publish':
        this.#attempt(process, event);
        break;
      case 'outcome':
        this.#outcome(process, event);
        break;
      case 'stored-told':
        this.#storedTold(process, event.key);
        break;
      case 'begin':
        this.#begin(process, event);
        break;
      case 'receive':
      case 'notice':
      case 'recovered':
        this.#during(process, event);
        break;
      case 'end':
        this.#end(channelOf(event));
        break;
      case 'stored':
      case 'reread':
        this.#found[event.type].push(event);
        this.#contentsOf(channelOf(event)).add(event, event.key);
        break;
      case 'fault':
        this.#faults.set(event.name, (this.#faults.get(event.name) ?? 0) + 1);
        break;
      case 'healed':
        this.#healed.push(event);
        break;
      case 'forgotten':
        this.#forgotten.push(event);
    }
  }

  endProcess(): void {
    this.#open.clear();
    this.#counts.clear();
  }

  build(): Model {
    return {
      attempts: this.#attempts,
      lives: this.#lives,
      stored: this.#found.stored,
      reread: this.#found.reread,
      healed: this.#healed,
      faults: this.#faults,
      forgotten: this.#keysForgotten(),
      order: this.#order,
      contents: this.#contents,
      nonsense: this.#nonsense,
    };
  }

  #attempt(
    publisher: string,
    { app, channel, key, at, wantsStored = false }: Extract<HistoryEvent, { type: 'publish' }>,
  ): void {
    if (this.#attempts.has(key)) this.#nonsense.push(`${key} was published twice`);
    const place = channelOf({ app, channel });
    const n = (this.#counts.get(place) ?? 0) + 1;
    this.#counts.set(place, n);
    this.#attempts.set(key, {
      ...{ key, publisher, app, channel, n, at },
      ...{ outcome: 'unknown', position: undefined, code: undefined, answeredAt: undefined },
      ...{ wantsStored, storedTold: false },
    });
  }

  #outcome(process: string, event: Extract<HistoryEvent, { type: 'outcome' }>): void {
    const attempt = this.#attempts.get(event.key);
    if (attempt === undefined || attempt.answeredAt !== undefined) {
      this.#nonsense.push(
        `${process} was answered for ${event.key}, which is ${attempt === undefined ? 'unknown' : 'answered'}`,
      );
      return;
    }
    attempt.outcome = event.outcome;
    attempt.answeredAt = event.at;
    if (event.outcome === 'ok') {
      const place = channelOf(attempt);
      attempt.position = { epoch: event.epoch, seq: event.seq };
      this.#order.note(place, event.epoch, event.at);
      this.#contentsOf(place).add(event, event.key);
    } else attempt.code = event.code;
  }

  #storedTold(process: string, key: string): void {
    const attempt = this.#attempts.get(key);
    if (attempt?.wantsStored === true) attempt.storedTold = true;
    else this.#nonsense.push(`${process} was told that ${key} is stored, which it did not ask for`);
  }

  #begin(subscriber: string, begin: BeginEvent): void {
    const { app, channel } = begin;
    this.#order.note(channelOf(begin), begin.epoch, begin.at);
    const life: Life = { subscriber, app, channel, begin, events: [], ended: false };
    this.#lives.push(life);
    this.#open.set(channelOf(begin), life);
  }

  #during(subscriber: string, event: ReceiveEvent | NoticeEvent | RecoveredEvent): void {
    const place = channelOf(event);
    this.#order.note(place, event.epoch, event.at);
    if (event.type === 'receive') this.#contentsOf(place).add(event, event.key);
    const life = this.#open.get(place);
    if (life === undefined)
      this.#nonsense.push(`${subscriber} got ${event.type} on ${place} without a subscription`);
    else life.events.push(event);
  }

  #contentsOf(place: string): ChannelContents {
    const contents = this.#contents.get(place) ?? new ChannelContents();
    this.#contents.set(place, contents);
    return contents;
  }

  #keysForgotten(): ReadonlySet<string> {
    if (this.#forgotten.length === 0) return new Set();
    const stored = new Set(this.#found.stored.map(({ key }) => key));
    const wasThen = ({ at, answeredAt = Number.POSITIVE_INFINITY }: Attempt): boolean =>
      this.#forgotten.some((forgotten) => at <= forgotten.at && answeredAt >= forgotten.from);
    const gone = [...this.#attempts.values()].filter(
      (attempt) => !stored.has(attempt.key) && wasThen(attempt),
    );
    return new Set(gone.map(({ key }) => key));
  }

  #end(place: string): void {
    const life = this.#open.get(place);
    if (life !== undefined) life.ended = true;
    this.#open.delete(place);
  }
}
