/** Every scenario once, tiny: nothing lost, doubled or out of order, and a result that is one. No figure is judged here. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { section } from './report/performance-page.ts';
import { type RecordedRun, writeResults } from './report/results-file.ts';
import { summary } from './report/summary.ts';
import { drawSweeps } from './report/sweep-charts.ts';
import { summed } from './run/repeats.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';
import { ON_CLUSTER } from './scenarios/cluster.ts';
import { ENCODINGS } from './scenarios/encodings.ts';
import type { FloorTarget, Result, Scenario, Size } from './scenarios/scenario.ts';
import { WATCHED } from './scenarios/telemetry.ts';
import { SWEEPS } from './sweeps/catalogue.ts';
import { runSweep, type SweepRun } from './sweeps/sweep.ts';
import { startBareWs } from './targets/bare-ws.ts';
import { startCarillon } from './targets/carillon.ts';
import { notStarted } from './targets/checkout.ts';
import { startSocketIo } from './targets/socketio.ts';
import type { Target } from './targets/target.ts';

const TIMING = { warmUpSeconds: 0.2, seconds: 1 };
/** Against hanging. A scenario here takes seconds, on a busy machine many. */
const TIMEOUT_MS = 180_000;
const SIZE: Size = { clients: 8, ratePerSecond: 100, cutEveryMs: 300 };
const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-smoke-'));
afterAll(() => rmSync(folder, { recursive: true }));

const faultsOf = ({ lost, duplicated, reordered, problems }: Result) => ({
  lost,
  duplicated,
  reordered,
  problems,
});
const NO_FAULTS = { lost: 0, duplicated: 0, reordered: 0, problems: [] };
const named = (name: string): Scenario => SCENARIOS.find((scenario) => scenario.name === name)!;

function expectWhole(result: Result): void {
  expect(faultsOf(result)).toEqual(NO_FAULTS);
  expect(result.units).toBeGreaterThan(0);
  for (const figure of [result.unitsPerSecond, result.latencyUs.p50, result.latencyUs.p99])
    expect(figure).toBeGreaterThan(0);
}

describe('carillon', () => {
  const runs: SweepRun[] = [];
  let target: Target;
  beforeAll(async () => {
    target = await startCarillon({
      env: { CARILLON_MAX_FRAME_BYTES: '128KiB', CARILLON_COMPRESSION: 'true' },
    });
  }, TIMEOUT_MS);
  afterAll(() => target.stop());

  it.each(SCENARIOS.filter(({ start }) => start !== notStarted))(
    '$name runs through',
    { timeout: TIMEOUT_MS },
    async (scenario) => {
      const result = await scenario.run(target, TIMING, SIZE);
      expectWhole(result);
      if (result.resumes !== undefined) {
        expect(result.resumes).toMatchObject({ deliveredShare: 1, notRecovered: {} });
        expect(result.resumes.drops).toBeGreaterThan(0);
      }
      const { name, row, title } = scenario;
      const run = { scenario: name, row, title, timing: TIMING, floorUs: undefined, floorRepeatsUs: [] };
      const path = writeResults(
        { ...run, results: [summed([result])], failures: [] },
        'smoke',
        new Date(),
        folder,
      );
      const recorded = JSON.parse(readFileSync(path, 'utf8')) as RecordedRun;
      expect(recorded.results[0]).toMatchObject({ target: 'carillon', units: result.units });
      expect(recorded).toMatchObject({ command: 'smoke', machine: { node: process.version } });
      expect(summary([recorded])).toContain(row.split(',')[0]!);
    },
  );

  it('encodings differ in what they are on the wire, and in nothing else', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const scenario = named('encodings');
    const bytes: Record<string, number> = {};
    for (const { name, dialect } of [{ name: 'JSON', dialect: 'carillon' } as const, ...ENCODINGS]) {
      const result = await scenario.run({ ...target, name, dialect }, TIMING, SIZE);
      expectWhole(result);
      bytes[name] = result.figures!.bytesPerDelivery!;
    }
    expect(bytes.protobuf).toBeLessThan(bytes.JSON!);
    expect(bytes['JSON, deflate']).toBeLessThan(bytes.protobuf! / 2);
    for (const size of Object.values(bytes).slice(0, -1)) expect(size).toBeGreaterThan(1200);
  });

  it.each(SWEEPS.filter(({ fresh }) => !fresh))(
    '$name runs with few and with many',
    { timeout: TIMEOUT_MS },
    async (sweep) => {
      const reduced = { ...sweep, values: [3, 70_000].slice(0, sweep.name === 'scale-size' ? 2 : 1) };
      const borrowed = { ...target, stop: async () => undefined };
      const run = await runSweep({ ...reduced, start: async () => borrowed }, TIMING, () => undefined);
      expect(run.failures).toEqual([]);
      for (const { result } of run.points) expectWhole(result);
      runs.push(run);
      writeResults(run, 'smoke', new Date(), folder);
    },
  );

  it('are drawn', () => {
    const lines = drawSweeps(folder, folder);
    for (const { scenario } of runs) {
      expect(lines.join('\n')).toContain(`images/${scenario}.svg`);
      expect(readFileSync(join(folder, `${scenario}.svg`), 'utf8')).toContain('<polyline');
    }
  });
});

describe('telemetry', () => {
  it.each([
    ['all sampled', 'exportedKb'],
    ['metrics read each second', 'scrapes'],
  ])('%s: it is watched indeed', { timeout: TIMEOUT_MS }, async (name, figure) => {
    const target = await WATCHED.find((variant) => variant.name === name)!.start();
    try {
      const result = await named('telemetry').run(target, { ...TIMING, seconds: 2 }, SIZE);
      expectWhole(result);
      expect(result.figures![figure]).toBeGreaterThan(0);
      expect(result.figures!.failedScrapes ?? 0).toBe(0);
    } finally {
      await target.stop();
    }
  });
});

it('on Redis Cluster every node has its part', { timeout: TIMEOUT_MS }, async () => {
  const target = await ON_CLUSTER.start();
  try {
    // CPU is counted in hundredths of a second: each node needs some.
    const result = await named('cluster').run(target, { ...TIMING, seconds: 5 }, SIZE);
    expectWhole(result);
    expect(result.figures!.redisServersWithPublishes).toBe(3);
  } finally {
    await target.stop();
  }
});

describe('peers', () => {
  const started: Target[] = [];
  afterAll(async () => {
    await Promise.all(started.map((target) => target.stop()));
  });

  it.each(['fan-out', 'pairs', 'publish', 'connect'])(
    '%s runs against Socket.IO',
    { timeout: TIMEOUT_MS },
    async (name) => {
      if (started.length === 0) started.push(await startSocketIo({ recovery: true }));
      expectWhole(await named(name).run(started[0]!, TIMING, SIZE));
    },
  );

  it('memory runs against bare ws', { timeout: TIMEOUT_MS }, async () => {
    const target = await startBareWs();
    started.push(target);
    expectWhole(await named('memory').run(target, TIMING, SIZE));
  });
});

it.each(['pairs', 'pairs-unstored'])('%s runs over its floor', { timeout: TIMEOUT_MS }, async (name) => {
  const scenario = named(name);
  const target = (await (scenario.floor as FloorTarget).start())!;
  try {
    const result = await scenario.run(target, TIMING, { ...SIZE, ratePerSecond: 1000 });
    expectWhole(result);
    expect(Object.keys(result.cpuByProcessUs)).toEqual(['node-a', 'node-b', 'middle']);
    const run = { scenario: name, row: scenario.row, title: scenario.title, timing: TIMING, failures: [] };
    const floor = { floorUs: result.cpuPerUnitUs, floorRepeatsUs: [result.cpuPerUnitUs] };
    const results = [{ ...result, target: 'carillon' }, result].map((one) => summed([one]));
    const path = writeResults({ ...run, ...floor, results }, 'smoke', new Date(), folder);
    const recorded = JSON.parse(readFileSync(path, 'utf8')) as RecordedRun;
    expect(section(recorded)).toContain('Floor, three C programs');
    const cells = summary([recorded])
      .split('\n')
      .filter((line) => line.startsWith('| N4'));
    expect(cells.filter((line) => line.split('|')[7]!.includes('µs')).length).toBe(name === 'pairs' ? 2 : 1);
  } finally {
    await target.stop();
  }
});

it('cold-start starts, and ends what it started', { timeout: TIMEOUT_MS }, async () => {
  const result = await named('cold-start').run(await notStarted(), TIMING, { clients: 1 });
  expect(result.latencyUs.count).toBe(1);
});
