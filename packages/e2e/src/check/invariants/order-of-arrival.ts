/** Messages of one subscription, step by step: no message left out, none out of order, no epoch skipped. */
import type { Position } from '@carillon/protocol';
import type { ChannelContents } from '../contents.ts';
import type { EpochOrder } from '../epoch-order.ts';
import { type NoticeEvent, type ReceiveEvent, type RecoveredEvent, shown } from '../history.ts';
import { channelOf, type Life, type Model } from '../model.ts';
import type { Expectations, InvariantCheck, Violation } from '../verdict.ts';

const MAX_NAMED = 5;

/** Goes through one subscription in the order in which things happened to it. */
class Walk {
  readonly #life: Life;
  readonly #order: EpochOrder;
  readonly #contents: ChannelContents | undefined;
  readonly #expectations: Required<Expectations>;
  readonly #seen = new Set<string>();
  /** Of the messages that came so far. */
  readonly #had = new Set<string>();
  /** Of all that ever came. */
  readonly #keys: ReadonlySet<string>;
  #at: Position;

  constructor(life: Life, { order, contents }: Model, expectations: Required<Expectations>) {
    this.#life = life;
    this.#order = order;
    this.#contents = contents.get(channelOf(life));
    this.#expectations = expectations;
    this.#keys = new Set(life.events.flatMap((event) => (event.type === 'receive' ? [event.key] : [])));
    this.#at = life.begin;
  }

  *run(): Generator<Violation> {
    for (const event of this.#life.events) {
      if (event.type === 'receive') {
        yield* this.#arrival(event);
        this.#seen.add(shown(event));
        this.#had.add(event.key);
      } else if (event.type === 'notice') yield* this.#notice(event);
      else yield* this.#recovery(event);
      if (event.type === 'notice' || this.#isAfter(event, this.#at)) this.#at = event;
    }
  }

  get #name(): string {
    return `${this.#life.subscriber} on ${channelOf(this.#life)}`;
  }

  #isAfter(a: Position, b: Position): boolean {
    return this.#order.compare(channelOf(this.#life), a, b) > 0;
  }

  *#notice({ from, reason, ...to }: NoticeEvent): Generator<Violation> {
    if (!this.#expectations.dataLost)
      yield {
        invariant: 'nothing-skipped',
        text: `${this.#name} was told that ${shown(from)} to ${shown(to)} is not coming: ${reason}`,
      };
  }

  /** It was told that everything after the position follows. */
  *#recovery(event: RecoveredEvent): Generator<Violation> {
    const at = this.#at;
    const text = `${this.#name} was recovered from ${shown(event)}, it had ${shown(at)}`;
    if (event.epoch !== at.epoch) yield* this.#change(event, text);
    else if (event.seq > at.seq) yield* this.#leftOut({ ...event, seq: event.seq + 1 }, at.seq, text);
    // After a loss: of an epoch that ended earlier than it had got.
    else if (event.seq < at.seq && !this.#expectations.dataLost) yield { invariant: 'no-gap', text };
  }

  *#arrival(event: ReceiveEvent): Generator<Violation> {
    const at = this.#at;
    const text = `${this.#name}: ${shown(event)} (${event.key}) came after ${shown(at)}`;
    if (this.#seen.has(shown(event))) yield { invariant: 'no-repeat', text };
    else if (event.epoch !== at.epoch) {
      yield* this.#change(event, text);
      yield* this.#leftOut(event, 0, text);
    } else if (event.seq <= at.seq) yield { invariant: 'one-order', text };
    else yield* this.#leftOut(event, at.seq, text);
  }

  /** From one epoch to another: of what lies between nothing may be missing. */
  *#change(to: Position, text: string): Generator<Violation> {
    const at = this.#at;
    if (!this.#isAfter(to, at)) {
      yield { invariant: 'one-order', text };
      return;
    }
    const between = this.#contents?.where(
      (position) => position.epoch !== to.epoch && this.#isAfter(position, at) && this.#isAfter(to, position),
    );
    const missing = [...(between ?? [])].filter(({ key }) => !this.#isAccountedFor(key));
    if (missing.length === 0) return;
    const named = missing.slice(0, MAX_NAMED).map(({ key, position }) => `${key} at ${shown(position)}`);
    yield {
      invariant: 'epochs-joined',
      text: `${text}; ${missing.length} in between never came: ${named.join(', ')}`,
    };
  }

  /** Messages of its epoch before this one, after `afterSeq`: after a loss the application is not given again what it had before. */
  *#leftOut({ epoch, seq }: Position, afterSeq: number, text: string): Generator<Violation> {
    const isNewEpoch = this.#expectations.dataLost && epoch !== this.#life.begin.epoch;
    for (let missing = afterSeq + 1; missing < seq; missing++) {
      const key = this.#contents?.at({ epoch, seq: missing });
      // Of what nobody else has seen nothing can be said.
      const isKnownBefore = key === undefined || this.#had.has(key) || this.#expectations.isGone(key);
      if (isNewEpoch && isKnownBefore) continue;
      yield { invariant: 'no-gap', text: key === undefined ? text : `${text}; ${key} was left out` };
      return;
    }
  }

  /** It came at some time, or it would have come after the end of the subscription, or nobody has it. */
  #isAccountedFor(key: string): boolean {
    if (this.#keys.has(key) || this.#expectations.isGone(key)) return true;
    return (
      this.#life.ended &&
      this.#contents?.positionsOf(key).some((position) => this.#isAfter(position, this.#at)) === true
    );
  }
}

export const orderOfArrival: InvariantCheck = function* (model, expectations) {
  for (const life of model.lives) yield* new Walk(life, model, expectations).run();
};
