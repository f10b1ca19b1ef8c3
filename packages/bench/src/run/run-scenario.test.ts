import { expect, it } from 'vitest';
import type { Result, Scenario } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';
import { estimateSeconds, type RunOptions, runScenario } from './run-scenario.ts';

const OPTIONS: RunOptions = {
  timing: { warmUpSeconds: 1, seconds: 2 },
  size: {},
  peers: true,
  repeat: 3,
  progress: () => undefined,
};

const RESULT: Result = {
  scenario: 'tried',
  target: '',
  unit: 'message',
  units: 1,
  unitsPerSecond: 1,
  cpuPerUnitUs: 1,
  cpuByProcessUs: {},
  latencyUs: { count: 1, min: 1, mean: 1, p50: 1, p95: 1, p99: 1, max: 1 },
  lost: 0,
  duplicated: 0,
  reordered: 0,
  loadCpuPerUnitUs: 1,
  rssKbByProcess: {},
  problems: [],
};

/** Targets that only count how often they were stopped. */
function tried(run: (target: Target, nth: number) => Promise<Result>) {
  const stopped: string[] = [];
  const order: string[] = [];
  const targetOf = (name: 'carillon' | 'socketio' | 'ws') => async (): Promise<Target> => ({
    name,
    dialect: name,
    token: '',
    tokens: async () => [],
    ports: [],
    nodes: [],
    usage: async () => [],
    stop: async () => {
      stopped.push(name);
    },
  });
  const scenario: Scenario = {
    name: 'tried',
    row: 'N0',
    title: 'a scenario',
    start: targetOf('carillon'),
    peers: [targetOf('socketio')],
    estimateSeconds: () => 10,
    run: async (target) => {
      order.push(target.name);
      return { ...(await run(target, order.length)), target: target.name };
    },
  };
  return { scenario, stopped, order };
}

it('measures each target beside its peers, round after round', async () => {
  const { scenario, order, stopped } = tried(async () => RESULT);
  const { results, failures } = await runScenario(scenario, OPTIONS);
  expect(order).toEqual(['carillon', 'socketio', 'carillon', 'socketio', 'carillon', 'socketio']);
  expect(stopped).toEqual(order);
  expect(results.map(({ target, repeats }) => [target, repeats.length])).toEqual([
    ['carillon', 3],
    ['socketio', 3],
  ]);
  expect(failures).toEqual([]);
});

it('measures variants in every run, with or without peers', async () => {
  const { scenario: plain, order } = tried(async () => RESULT);
  const scenario = {
    ...plain,
    variants: [{ name: 'otherwise', start: async () => ({ ...(await plain.start()), name: 'otherwise' }) }],
  };
  await runScenario(scenario, { ...OPTIONS, repeat: 2, peers: false });
  expect(order).toEqual(['carillon', 'otherwise', 'carillon', 'otherwise']);
  expect(estimateSeconds(scenario, { ...OPTIONS, peers: false, repeat: 2 })).toBe(40);
});

it('measures a floor that is a target in every round, beside the others', async () => {
  const {
    scenario: plain,
    order,
    stopped,
  } = tried(async (_target, nth) => ({ ...RESULT, cpuPerUnitUs: nth }));
  const floor = { start: async () => ({ ...(await plain.start()), name: 'floor' }) };
  const outcome = await runScenario({ ...plain, floor }, { ...OPTIONS, peers: false });
  expect(order).toEqual(['floor', 'carillon', 'floor', 'carillon', 'floor', 'carillon']);
  expect(stopped).toHaveLength(6);
  expect(outcome).toMatchObject({ floorUs: 3, floorRepeatsUs: [1, 3, 5], failures: [] });
  expect(outcome.results.map(({ target }) => target)).toEqual(['carillon', 'floor']);
  expect(estimateSeconds({ ...plain, floor }, { ...OPTIONS, peers: false })).toBe(60);
});

it('goes on without a floor where there is none to be had', async () => {
  const { scenario } = tried(async () => RESULT);
  const outcome = await runScenario({ ...scenario, floor: { start: async () => undefined } }, OPTIONS);
  expect(outcome).toMatchObject({ floorUs: undefined, floorRepeatsUs: [], failures: [] });
  expect(outcome.results.map(({ target }) => target)).toEqual(['carillon', 'socketio']);
});

it('goes on after a failure, stops what failed, and tells it', async () => {
  const { scenario, stopped } = tried(async (_target, nth) => {
    if (nth === 1) throw new Error('broken');
    return RESULT;
  });
  const { results, failures } = await runScenario(scenario, OPTIONS);
  expect(failures).toEqual(['tried, round 1: broken']);
  expect(results.map(({ repeats }) => repeats.length)).toEqual([2, 3]);
  expect(stopped).toHaveLength(6);
});

it('gives up what does not end', async () => {
  const { scenario, stopped } = tried((target) =>
    target.name === 'socketio' ? new Promise(() => undefined) : Promise.resolve(RESULT),
  );
  const { results, failures } = await runScenario(scenario, { ...OPTIONS, repeat: 1, patienceMs: 20 });
  expect(failures).toEqual([expect.stringContaining('socketio: not done')]);
  expect(results.map(({ target }) => target)).toEqual(['carillon']);
  expect(stopped).toEqual(['carillon', 'socketio']);
});

it('says in advance how long it takes', () => {
  const { scenario } = tried(async () => RESULT);
  expect(estimateSeconds(scenario, OPTIONS)).toBe(60);
  expect(estimateSeconds(scenario, { ...OPTIONS, peers: false, repeat: 1 })).toBe(10);
  const floored = { ...scenario, floor: { subscribers: 1, ratePerSecond: 1 } };
  expect(estimateSeconds(floored, { ...OPTIONS, repeat: 1 })).toBe(23);
});
