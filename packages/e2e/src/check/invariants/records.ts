import { type FoundEvent, shown } from '../history.ts';
import { type Attempt, channelOf, type Model } from '../model.ts';
import type { Expectations, Invariant, InvariantCheck, Violation } from '../verdict.ts';

/** Everything that has to be in a complete record of the channels: what was accepted, and what anybody received. */
function* expectedIn(model: Model): Generator<{ place: string; channel: string; key: string }> {
  for (const attempt of model.attempts.values())
    if (attempt.position !== undefined)
      yield {
        place: `${channelOf(attempt)} ${shown(attempt.position)}`,
        channel: attempt.channel,
        key: attempt.key,
      };
  for (const { events, app, channel } of model.lives)
    for (const event of events)
      if (event.type === 'receive')
        yield { place: `${app}/${channel} ${shown(event)}`, channel, key: event.key };
}

function* incomplete(
  model: Model,
  found: readonly FoundEvent[],
  { isDurable, dataLost, isGone }: Required<Expectations>,
  { invariant, what }: { readonly invariant: Invariant; readonly what: string },
): Generator<Violation> {
  const places = new Map<string, string>();
  const keys = new Set<string>();
  for (const message of found) {
    const place = `${channelOf(message)} ${shown(message)}`;
    if (places.has(place)) yield { invariant, text: `${what} has ${place} twice` };
    if (!dataLost && keys.has(message.key)) yield { invariant, text: `${what} has ${message.key} twice` };
    places.set(place, message.key);
    keys.add(message.key);
  }
  const told = new Set<string>();
  for (const { place, channel, key } of expectedIn(model)) {
    if (!isDurable(channel) || told.has(place) || isGone(key)) continue;
    if (dataLost ? keys.has(key) : places.get(place) === key) continue;
    told.add(place);
    yield { invariant, text: `${what} does not have ${key} as ${place}` };
  }
}

/** Per channel and epoch, seq 1 to the last. */
function* holes(found: readonly FoundEvent[], what: string): Generator<Violation> {
  const byEpoch = Map.groupBy(found, (message) => `${channelOf(message)} ${message.epoch}`);
  for (const [place, messages] of byEpoch) {
    const seqs = messages.map(({ seq }) => seq).toSorted((a, b) => a - b);
    const hole = seqs.findIndex((seq, i) => seq !== i + 1);
    if (hole >= 0)
      yield {
        invariant: 'stored-equals-log',
        text: `${what} has ${place}:${seqs[hole]} and not ${hole + 1}`,
      };
  }
}

export const storedEqualsLog: InvariantCheck = function* (model, expectations) {
  if (!expectations.storedIsKnown) return;
  yield* incomplete(model, model.stored, expectations, { invariant: 'stored-equals-log', what: 'Postgres' });
  if (!expectations.dataLost) yield* holes(model.stored, 'Postgres');
};

export const fullReread: InvariantCheck = function* (model, expectations) {
  if (!expectations.rereadIsKnown) return;
  const what = 'the second reading';
  yield* incomplete(model, model.reread, expectations, { invariant: 'full-reread', what });
  const last = new Map<string, FoundEvent>();
  for (const message of model.reread) {
    const before = last.get(channelOf(message));
    const isNext =
      before === undefined ||
      (message.epoch === before.epoch
        ? message.seq === before.seq + 1
        : model.order.compare(channelOf(message), message, before) > 0);
    if (!isNext)
      yield {
        invariant: 'full-reread',
        text: `${what} of ${channelOf(message)}: ${shown(message)} came after ${shown(before)}`,
      };
    last.set(channelOf(message), message);
  }
};

/** When did the first message come that was published after the fault was over? */
function recoveredAt(
  healedAt: number,
  receives: readonly { readonly at: number; readonly key: string }[],
  attempts: ReadonlyMap<string, Attempt>,
): number {
  for (const { at, key } of receives)
    if (at >= healedAt && (attempts.get(key)?.at ?? 0) >= healedAt) return at;
  return Number.POSITIVE_INFINITY;
}

export interface Recovery {
  readonly fault: string;
  readonly who: string;
  readonly tookMs: number;
  readonly allowedMs: number;
}

/**
 * How long after each fault each subscription went on with new messages. A subscription that ended by then says nothing, and neither
 * does one whose channel nobody published on any more.
 */
export function* recoveries({ lives, attempts, healed }: Model): Generator<Recovery> {
  const newest = new Map<string, number>();
  for (const attempt of attempts.values())
    if (attempt.outcome === 'ok')
      newest.set(channelOf(attempt), Math.max(attempt.at, newest.get(channelOf(attempt)) ?? 0));
  for (const life of lives) {
    if (life.ended) continue;
    const receives = life.events.filter((event) => event.type === 'receive');
    for (const { at, name, recoverWithinMs } of healed) {
      if (life.begin.at > at || (newest.get(channelOf(life)) ?? 0) < at) continue;
      const who = `${life.subscriber} on ${channelOf(life)}`;
      yield {
        fault: name,
        who,
        tookMs: recoveredAt(at, receives, attempts) - at,
        allowedMs: recoverWithinMs,
      };
    }
  }
}

export const recoveredInTime: InvariantCheck = function* (model) {
  for (const { fault, who, tookMs, allowedMs } of recoveries(model))
    if (tookMs > allowedMs)
      yield {
        invariant: 'recovered-in-time',
        text: `${who} went on ${Math.round(tookMs)} ms after ${fault}, allowed are ${allowedMs} ms`,
      };
};
