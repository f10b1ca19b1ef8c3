import type { Position } from '@carillon/protocol';
import { shown } from '../history.ts';
import { channelOf, type Model } from '../model.ts';
import type { InvariantCheck } from '../verdict.ts';

/** A message that somebody has seen, and who. */
interface Sighting extends Position {
  readonly app: string;
  readonly channel: string;
  readonly key: string;
  readonly by: string;
}

function* sightings({ lives, stored, reread }: Model): Generator<Sighting> {
  for (const { events, subscriber, app, channel } of lives) {
    for (const event of events)
      if (event.type === 'receive')
        yield { app, channel, epoch: event.epoch, seq: event.seq, key: event.key, by: subscriber };
  }
  for (const found of stored) yield { ...found, by: 'Postgres' };
  for (const found of reread) yield { ...found, by: 'the second reading' };
}

export const oneContent: InvariantCheck = function* (model, { dataLost }) {
  const contents = new Map<string, string>();
  for (const attempt of model.attempts.values()) {
    if (attempt.position === undefined) continue;
    const place = `${channelOf(attempt)} ${shown(attempt.position)}`;
    const other = contents.get(place);
    if (other !== undefined)
      yield { invariant: 'one-content', text: `${place} was promised to ${other} and to ${attempt.key}` };
    contents.set(place, attempt.key);
  }
  for (const sighting of sightings(model)) {
    const place = `${channelOf(sighting)} ${shown(sighting)}`;
    const other = contents.get(place);
    if (other === undefined) contents.set(place, sighting.key);
    else if (other !== sighting.key)
      yield {
        invariant: 'one-content',
        text: `${place} is ${other}, for ${sighting.by} it is ${sighting.key}`,
      };
    const promised = model.attempts.get(sighting.key)?.position;
    if (promised === undefined || shown(promised) === shown(sighting)) continue;
    // Published again after a loss, or the copy of an unknown outcome in an epoch that ended.
    if (dataLost && promised.epoch !== sighting.epoch) continue;
    yield {
      invariant: 'one-content',
      text: `${sighting.key} was accepted as ${shown(promised)}, for ${sighting.by} it is ${shown(sighting)}`,
    };
  }
};

export const refusedIsNotRead: InvariantCheck = function* (model) {
  for (const { key, by, app, channel } of sightings(model)) {
    const attempt = model.attempts.get(key);
    if (attempt === undefined)
      yield {
        invariant: 'refused-is-not-read',
        text: `${by} has ${key} on ${app}/${channel}, which nobody published`,
      };
    else if (attempt.outcome === 'failed')
      yield {
        invariant: 'refused-is-not-read',
        text: `${by} has ${key} on ${app}/${channel}, which was refused`,
      };
  }
};

export const refusedWithReason: InvariantCheck = function* ({ attempts }, { refusalCodes }) {
  for (const { key, outcome, code = '' } of attempts.values())
    if (outcome === 'failed' && !refusalCodes.includes(code))
      yield { invariant: 'refused-with-reason', text: `${key} was refused with ${code}` };
};

export const appsApart: InvariantCheck = function* (model) {
  for (const sighting of sightings(model)) {
    const attempt = model.attempts.get(sighting.key);
    if (attempt !== undefined && channelOf(attempt) !== channelOf(sighting))
      yield {
        invariant: 'apps-apart',
        text: `${sighting.by} has ${sighting.key} on ${channelOf(sighting)}, it was published on ${channelOf(attempt)}`,
      };
  }
};
