import type { Position } from '@carillon/protocol';
import {
  comparePositions,
  type NoticeEvent,
  type ReceiveEvent,
  type RecoveredEvent,
  shown,
} from '../history.ts';
import type { Attempt, Life, Model } from '../model.ts';
import { channelOf } from '../model.ts';
import type { Expectations, InvariantCheck, Violation } from '../verdict.ts';

function nameOf({ subscriber, app, channel }: Life): string {
  return `${subscriber} on ${app}/${channel}`;
}

/** Goes through one subscription in the order in which things happened to it. */
function* walk(life: Life, dataLost: boolean): Generator<Violation> {
  const where = nameOf(life);
  let at: Position = life.begin;
  const seen = new Set<string>();
  for (const event of life.events) {
    // In an epoch that began after a loss, what the application had before is left out: only its first one is without steps.
    const maySkip = dataLost && at.epoch !== life.begin.epoch;
    if (event.type === 'receive') {
      yield* arrival(where, at, event, { seen, maySkip });
      seen.add(shown(event));
    } else if (event.type === 'notice') {
      if (!dataLost)
        yield {
          invariant: 'nothing-skipped',
          text: `${where} was told that ${shown(event.from)} to ${shown(event)} is not coming: ${event.reason}`,
        };
    } else yield* recovery(where, at, event, maySkip);
    at = event.type === 'notice' || comparePositions(event, at) > 0 ? event : at;
  }
}

function* recovery(
  where: string,
  at: Position,
  event: RecoveredEvent,
  maySkip: boolean,
): Generator<Violation> {
  const text = `${where} was recovered from ${shown(event)}, it had ${shown(at)}`;
  if (event.epoch !== at.epoch) yield { invariant: 'epoch-announced', text };
  else if (event.seq > at.seq ? !maySkip : event.seq < at.seq) yield { invariant: 'no-gap', text };
}

function* arrival(
  where: string,
  at: Position,
  event: ReceiveEvent,
  { seen, maySkip }: { readonly seen: ReadonlySet<string>; readonly maySkip: boolean },
): Generator<Violation> {
  const text = `${where}: ${shown(event)} (${event.key}) came after ${shown(at)}`;
  if (seen.has(shown(event))) yield { invariant: 'no-repeat', text };
  else if (event.epoch !== at.epoch)
    yield { invariant: event.epoch < at.epoch ? 'one-order' : 'epoch-announced', text };
  else if (event.seq <= at.seq) yield { invariant: 'one-order', text };
  else if (event.seq > at.seq + 1 && !maySkip) yield { invariant: 'no-gap', text };
}

export const orderOfArrival: InvariantCheck = function* ({ lives }, { dataLost }) {
  for (const life of lives) yield* walk(life, dataLost);
};

/** The same content under two positions. Also after a loss of data: the SDK leaves out what is published again and was read before. */
export const noContentTwice: InvariantCheck = function* ({ lives }, { dataLost }) {
  for (const life of lives) {
    const first = new Map<string, ReceiveEvent>();
    for (const event of life.events) {
      if (event.type !== 'receive') continue;
      const before = first.get(event.key);
      if (before === undefined) first.set(event.key, event);
      else if (
        shown(before) !== shown(event) &&
        !(dataLost && life.begin.forgetful === true && before.epoch < event.epoch)
      )
        yield {
          invariant: 'no-repeat',
          text: `${nameOf(life)}: ${event.key} came as ${shown(before)} and as ${shown(event)}`,
        };
    }
  }
};

/** Is the message one of those that the subscriber was told are not coming? */
function wasExcused(position: Position, notices: readonly NoticeEvent[]): boolean {
  return notices.some(
    (notice) => comparePositions(position, notice.from) > 0 && comparePositions(position, notice) <= 0,
  );
}

function* missingIn(
  life: Life,
  attempts: readonly Attempt[],
  { dataLost, isGone }: Required<Expectations>,
): Generator<Violation> {
  const receives = life.events.filter((event) => event.type === 'receive');
  const keys = new Set(receives.map(({ key }) => key));
  const notices = life.events.filter((event) => event.type === 'notice');
  const last: Position = receives.at(-1) ?? life.begin;
  for (const { key, position } of attempts) {
    if (position === undefined || keys.has(key) || comparePositions(position, life.begin) <= 0) continue;
    if (life.ended && comparePositions(position, last) > 0) continue;
    if (isGone(key) || (dataLost && wasExcused(position, notices))) continue;
    yield {
      invariant: 'accepted-is-read',
      text: `${nameOf(life)} never got ${key}, accepted as ${shown(position)}`,
    };
  }
}

export const acceptedIsRead: InvariantCheck = function* (model, expectations) {
  const byChannel = Map.groupBy(model.attempts.values(), channelOf);
  for (const life of model.lives) yield* missingIn(life, byChannel.get(channelOf(life)) ?? [], expectations);
};

export const publisherFifo: InvariantCheck = function* ({ lives, attempts }, { dataLost }) {
  for (const life of lives) {
    const last = new Map<string, Attempt & { epoch?: string }>();
    for (const event of life.events) {
      const attempt = event.type === 'receive' ? attempts.get(event.key) : undefined;
      if (attempt === undefined) continue;
      const before = last.get(attempt.publisher);
      const isNewEpoch = dataLost && before?.epoch !== event.epoch;
      if (before !== undefined && !isNewEpoch && attempt.n < before.n)
        yield {
          invariant: 'publisher-fifo',
          text: `${nameOf(life)}: ${attempt.key} came after ${before.key}`,
        };
      last.set(attempt.publisher, { ...attempt, epoch: event.epoch });
    }
  }
};

export const publisherFifoOfPositions: InvariantCheck = function* ({ attempts }: Model) {
  const last = new Map<string, Attempt>();
  for (const attempt of attempts.values()) {
    if (attempt.position === undefined) continue;
    const of = `${attempt.publisher} ${channelOf(attempt)}`;
    const before = last.get(of);
    if (before?.position !== undefined && comparePositions(attempt.position, before.position) < 0)
      yield {
        invariant: 'publisher-fifo',
        text: `${of}: ${attempt.key} was accepted as ${shown(attempt.position)}, the earlier ${before.key} as ${shown(before.position)}`,
      };
    last.set(of, attempt);
  }
};
