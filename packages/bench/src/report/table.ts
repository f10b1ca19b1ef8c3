/** The comparison as a table for people. */
import Table from 'cli-table3';
import pc from 'picocolors';
import type { Result } from '../scenarios/scenario.ts';
import { floorText } from './floor-text.ts';

const us = (value: number): string =>
  value >= 10_000
    ? `${(value / 1000).toFixed(0)} ms`
    : value >= 1000
      ? `${(value / 1000).toFixed(2)} ms`
      : `${value.toFixed(value < 10 ? 2 : 0)} us`;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');

const PLURAL = {
  delivery: 'deliveries',
  publish: 'publishes',
  message: 'messages',
  resume: 'resumes',
  connection: 'connections',
  start: 'starts',
} as const;

/** Ratios are to the first result, and to the floor where there is one: they hold on another machine, the figures do not. */
export function table(results: readonly Result[], floorUs: number | undefined): string {
  const [base] = results;
  if (base === undefined) return '';
  const out = new Table({
    head: [
      '',
      `${PLURAL[base.unit]}/s`,
      `CPU/${base.unit}`,
      `x ${base.target}`,
      ...(floorUs === undefined ? [] : ['x floor']),
      'p50',
      'p99',
      'max',
      'lost',
      'dup',
      'order',
      'load CPU',
    ].map((text) => pc.bold(text)),
    style: { head: [], border: [] },
  });
  for (const result of results) {
    out.push([
      pc.bold(result.target),
      count(result.unitsPerSecond),
      us(result.cpuPerUnitUs),
      (result.cpuPerUnitUs / base.cpuPerUnitUs).toFixed(2),
      ...(floorUs === undefined ? [] : [(result.cpuPerUnitUs / floorUs).toFixed(2)]),
      us(result.latencyUs.p50),
      us(result.latencyUs.p99),
      us(result.latencyUs.max),
      alarm(result.lost),
      alarm(result.duplicated),
      alarm(result.reordered),
      us(result.loadCpuPerUnitUs),
    ]);
  }
  const floor =
    floorUs === undefined ? '' : `\nfloor (${floorText(results)}): ${us(floorUs)} per ${base.unit}`;
  return [out.toString() + floor, ...results.flatMap(resumeLine), ...results.flatMap(figuresLine)].join('\n');
}

/** The line below the table with the figures of a resume scenario. */
function resumeLine({ target, resumes }: Result): string[] {
  if (resumes === undefined) return [];
  const { clients, drops, timeUs, deliveredShare, expected, recovered, notRecovered, failedAttempts } =
    resumes;
  return [
    `${target}: ${count(clients)} clients, ${count(drops)} drops, back after p50 ${us(timeUs.p50)}, p99 ${us(timeUs.p99)}, max ${us(timeUs.max)}; ` +
      `${(deliveredShare * 100).toFixed(3)} % of ${count(expected)} delivered; subscriptions recovered ${count(recovered)}, ` +
      `not ${JSON.stringify(notRecovered)}; failed attempts ${failedAttempts}`,
  ];
}

function figuresLine({ target, figures = {} }: Result): string[] {
  return Object.entries(figures).map(([name, value]) => `${target}: ${name} ${count(value)}`);
}

function alarm(value: number): string {
  return value === 0 ? '0' : pc.red(count(value));
}
