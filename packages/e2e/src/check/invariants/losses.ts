/** Invariants of data loss in Redis, judged from outside: by frames, by history reads, and by Postgres. */
import type { Position } from '@carillon/protocol';
import { type NoticeEvent, shown } from '../history.ts';
import { type Attempt, channelOf, type Life, type Model } from '../model.ts';
import type { InvariantCheck, Violation } from '../verdict.ts';

/** Reasons that a client brings on itself: it was away for long, or missed more than it may. */
const OWN_REASONS: ReadonlySet<string> = new Set(['window-exceeded', 'too-many-missed']);

/** Holds after any loss in Redis: a message has one place in Postgres. */
export const storedOnce: InvariantCheck = function* ({ stored }, { storedIsKnown }) {
  if (!storedIsKnown) return;
  const places = new Map<string, string>();
  for (const message of stored) {
    const name = `${channelOf(message)} ${message.key}`;
    const other = places.get(name);
    if (other !== undefined)
      yield {
        invariant: 'stored-once',
        text: `Postgres has ${name} as ${other} and as ${shown(message)}`,
      };
    places.set(name, shown(message));
  }
};

export const storedIsTrue: InvariantCheck = function* ({ attempts, stored }, { storedIsKnown }) {
  if (!storedIsKnown) return;
  const keys = new Set(stored.map(({ key }) => key));
  for (const { key, storedTold, publisher } of attempts.values())
    if (storedTold && !keys.has(key))
      yield { invariant: 'stored-is-true', text: `${publisher} was told that ${key} is stored, it is not` };
};

/** After a loss: who was subscribed gets what Postgres has. A notice that it is gone would be wrong, and silence more so. */
export const lossIsTrue: InvariantCheck = function* (model, { dataLost, storedIsKnown }) {
  if (!dataLost || !storedIsKnown) return;
  const stored = new Set(model.stored.map(({ key }) => key));
  const byChannel = Map.groupBy(
    [...model.attempts.values()].filter(({ key }) => stored.has(key)),
    channelOf,
  );
  for (const life of model.lives) yield* skippedBy(life, byChannel.get(channelOf(life)) ?? [], model);
};

function* skippedBy(life: Life, stored: readonly Attempt[], { order }: Model): Generator<Violation> {
  const isAfter = (a: Position, b: Position): boolean => order.compare(channelOf(life), a, b) > 0;
  const receives = life.events.filter((event) => event.type === 'receive');
  const notices = life.events.filter((event) => event.type === 'notice');
  const keys = new Set(receives.map(({ key }) => key));
  const last = receives.at(-1) ?? life.begin;
  for (const { key, position } of stored) {
    if (position === undefined || keys.has(key) || !isAfter(position, life.begin)) continue;
    if (life.ended && isAfter(position, last)) continue;
    const notice = notices.find(({ from, ...to }) => isAfter(position, from) && !isAfter(position, to));
    if (notice !== undefined && OWN_REASONS.has(notice.reason)) continue;
    yield {
      invariant: 'loss-is-true',
      text: `${life.subscriber} on ${channelOf(life)} never got ${key}, accepted as ${shown(position)} and stored; ${toldOf(notice)}`,
    };
  }
}

function toldOf(notice: NoticeEvent | undefined): string {
  return notice === undefined
    ? 'it was told nothing'
    : `it was told that ${shown(notice.from)} to ${shown(notice)} is gone: ${notice.reason}`;
}

export const nobodyWaits: InvariantCheck = function* ({ attempts }, { dataLost, isGone }) {
  if (!dataLost) return;
  for (const { key, publisher, outcome, answeredAt, wantsStored, storedTold } of attempts.values()) {
    if (isGone(key)) continue;
    if (answeredAt === undefined)
      yield { invariant: 'nobody-waits', text: `${publisher} still waits for the outcome of ${key}` };
    else if (outcome === 'ok' && wantsStored && !storedTold)
      yield { invariant: 'nobody-waits', text: `${publisher} still waits for ${key} to be stored` };
  }
};
