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
];

const EXPLANATION =
  'Medians of the rounds of one run; the details below have the range. "Earlier": measured on a like machine before (two cores, load generator on ' +
  'the same machine, two nodes, Redis 7.0 with AOF everysec), Centrifugo 6 with history and positioning, Socket.IO 4.8 with the Redis streams adapter; ' +
  'those two keep less than Carillon does; Centrifugo is no part of this repository, so its figures are not repeated here. Bold: reached.';

function seenOf({ results, floorUs }: RecordedRun): Seen | undefined {
  const of = (target: string) => results.find((result) => result.target === target);
  const carillon = of('carillon');
  return carillon && { carillon, socketio: of('socketio'), ws: of('ws'), relay: relayOf(results), floorUs };
}

function rowOf(goal: Goal, runs: readonly RecordedRun[]): string {
  const run = runs.find(({ scenario }) => scenario === goal.scenario);
  const seen = run && seenOf(run);
  const shown = (result: Seen['carillon'] | undefined): string =>
    result === undefined ? '' : goal.show(result);
  const reached = seen !== undefined && goal.reached?.(seen) === true;
  const own = seen === undefined ? 'not measured' : goal.show(seen.carillon);
  return [
    goal.id,
    goal.work,
    goal.centrifugoEarlier,
    goal.socketioEarlier,
    shown(seen?.socketio),
    seen === undefined ? '' : goal.floor(seen),
    reached ? `**${own}**` : own,
    goal.goal,
    seen === undefined || goal.reached === undefined ? '' : reached ? 'yes' : 'no',
  ].join(' | ');
}

export function summary(runs: readonly RecordedRun[]): string {
  return [
    '### Summary',
    '',
    EXPLANATION,
    '',
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map(() => '---').join('|')}|`,
    ...GOALS.map((goal) => `| ${rowOf(goal, runs)} |`),
  ].join('\n');
}
