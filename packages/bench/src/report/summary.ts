/** The first table of docs/performance.md: every goal, beside what peers and the floor did. */
import { relayOf } from './floor-text.ts';
import { GOALS, type Goal, type Seen } from './goals.ts';
import type { RecordedRun } from './results-file.ts';

const HEAD = [
  'id',
  'work',
  'Centrifugo, earlier',
  'Socket.IO, earlier',
  'Socket.IO, this run',
  'floor, this run',
  'Carillon',
  'goal',
  'reached',
  'Carillon, good hour',
];

const EXPLANATION =
  'Medians of the rounds of one run; the details below have the range. "Earlier": measured on a like machine before (two cores, load generator on ' +
  'the same machine, two nodes, Redis 7.0 with AOF everysec), Centrifugo 6 with history and positioning, Socket.IO 4.8 with the Redis streams adapter; ' +
  'those two keep less than Carillon does; Centrifugo is no part of this repository, so its figures are not repeated here. "Good hour": an ' +
  'earlier run, of older code, when this virtual machine was faster ([the host](#the-host)). Bold: reached.';

function seenOf({ results, floorUs }: RecordedRun): Seen | undefined {
  const of = (target: string) => results.find((result) => result.target === target);
  const carillon = of('carillon');
  return carillon && { carillon, socketio: of('socketio'), ws: of('ws'), relay: relayOf(results), floorUs };
}

function seenFor(goal: Goal, runs: readonly RecordedRun[]): Seen | undefined {
  const run = runs.find(({ scenario }) => scenario === goal.scenario);
  return run && seenOf(run);
}

const isReached = (goal: Goal, seen: Seen): boolean => goal.reached?.(seen) === true;

/** Carillon's figure, bold where it is what is to be reached. */
function ownFigure(goal: Goal, seen: Seen): string {
  const shown = goal.show(seen.carillon);
  return isReached(goal, seen) ? `**${shown}**` : shown;
}

function verdict(goal: Goal, seen: Seen | undefined): string {
  if (seen === undefined || goal.reached === undefined) return '';
  return isReached(goal, seen) ? 'yes' : 'no';
}

function rowOf(goal: Goal, runs: readonly RecordedRun[], goodHour: readonly RecordedRun[]): string {
  const seen = seenFor(goal, runs);
  const seenThen = seenFor(goal, goodHour);
  return [
    goal.id,
    goal.work,
    goal.centrifugoEarlier,
    goal.socketioEarlier,
    seen?.socketio === undefined ? '' : goal.show(seen.socketio),
    seen === undefined ? '' : goal.floor(seen),
    seen === undefined ? 'not measured' : ownFigure(goal, seen),
    goal.goal,
    verdict(goal, seen),
    seenThen === undefined ? '' : ownFigure(goal, seenThen),
  ].join(' | ');
}

/** @param goodHour earlier runs, shown in a column of their own */
export function summary(runs: readonly RecordedRun[], goodHour: readonly RecordedRun[] = []): string {
  return [
    '### Summary',
    '',
    EXPLANATION,
    '',
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map(() => '---').join('|')}|`,
    ...GOALS.map((goal) => `| ${rowOf(goal, runs, goodHour)} |`),
  ].join('\n');
}
