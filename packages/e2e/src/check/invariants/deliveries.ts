import type { Position } from '@carillon/protocol';
import { type NoticeEvent, type ReceiveEvent, shown } from '../history.ts';
import type { Attempt, Life, Model } from '../model.ts';
import { channelOf } from '../model.ts';
import type { Expectations, InvariantCheck, Violation } from '../verdict.ts';

function nameOf({ subscriber, app, channel }: Life): string {
  return `${subscriber} on ${app}/${channel}`;
}

/** The same content under two positions. Also after a loss of data: the SDK leaves out what is published again and was read before. */
export const noContentTwice: InvariantCheck = function* ({ lives, order }, { dataLost }) {
  for (const life of lives) {
    const first = new Map<string, ReceiveEvent>();
    for (const event of life.events) {
      if (event.type !== 'receive') continue;
      const before = first.get(event.key);
      if (before === undefined) first.set(event.key, event);
      else if (
        shown(before) !== shown(event) &&
        !(
          dataLost &&
          life.begin.forgetful === true &&
          before.epoch !== event.epoch &&
          order.compare(channelOf(life), before, event) < 0
        )
      )
        yield {
          invariant: 'no-repeat',
          text: `${nameOf(life)}: ${event.key} came as ${shown(before)} and as ${shown(event)}`,
        };
    }
  }
};

/** Is the message one of those that the subscriber was told are not coming? */
function wasExcused(position: Position, notices: readonly NoticeEvent[], isAfter: IsAfter): boolean {
  return notices.some((notice) => isAfter(position, notice.from) && !isAfter(position, notice));
}

type IsAfter = (a: Position, b: Position) => boolean;

function* missingIn(
  life: Life,
  attempts: readonly Attempt[],
  { order }: Model,
  { dataLost, isGone }: Required<Expectations>,
): Generator<Violation> {
  const isAfter: IsAfter = (a, b) => order.compare(channelOf(life), a, b) > 0;
  const receives = life.events.filter((event) => event.type === 'receive');
  const keys = new Set(receives.map(({ key }) => key));
  const notices = life.events.filter((event) => event.type === 'notice');
  const last: Position = receives.at(-1) ?? life.begin;
  for (const { key, position } of attempts) {
    if (position === undefined || keys.has(key) || !isAfter(position, life.begin)) continue;
    if (life.ended && isAfter(position, last)) continue;
    if (isGone(key) || (dataLost && wasExcused(position, notices, isAfter))) continue;
    yield {
      invariant: 'accepted-is-read',
      text: `${nameOf(life)} never got ${key}, accepted as ${shown(position)}`,
    };
  }
}

export const acceptedIsRead: InvariantCheck = function* (model, expectations) {
  const byChannel = Map.groupBy(model.attempts.values(), channelOf);
  for (const life of model.lives)
    yield* missingIn(life, byChannel.get(channelOf(life)) ?? [], model, expectations);
};

export const publisherFifo: InvariantCheck = function* ({ lives, attempts }, { dataLost }) {
  for (const life of lives) {
    const last = new Map<string, Attempt & { epoch?: string }>();
    for (const event of life.events) {
      const attempt = event.type === 'receive' ? attempts.get(event.key) : undefined;
      if (attempt === undefined) continue;
      // Published again after a loss: it takes the next place, whatever was accepted meanwhile.
      if (dataLost && attempt.position !== undefined && attempt.position.epoch !== event.epoch) continue;
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

export const publisherFifoOfPositions: InvariantCheck = function* ({ attempts, order }: Model) {
  const last = new Map<string, Attempt>();
  for (const attempt of attempts.values()) {
    if (attempt.position === undefined) continue;
    const of = `${attempt.publisher} ${channelOf(attempt)}`;
    const before = last.get(of);
    if (
      before?.position !== undefined &&
      order.compare(channelOf(attempt), attempt.position, before.position) < 0
    )
      yield {
        invariant: 'publisher-fifo',
        text: `${of}: ${attempt.key} was accepted as ${shown(attempt.position)}, the earlier ${before.key} as ${shown(before.position)}`,
      };
    last.set(of, attempt);
  }
};
