import { setTimeout as pause } from 'node:timers/promises';
import type { CrowdOpening } from '../load/crowd.ts';
import { histogramUs, summaryUs } from '../load/tally.ts';
import { cpuBetween, type Usage } from '../measure/process-usage.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import { type Target, total } from '../targets/target.ts';
import { crowdOf } from './crowd.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const CLIENTS = 10_000;
/**
 * As many come and go first: V8 compiles what is hot for thousands of connections, a new process takes half as much again. Servers are
 * measured as they run, not as they start.
 */
const WARM_UP_SHARE = 1;
/** Until the servers have let go of the channels of those who went. */
const SETTLE_MS = 8_000;
const SHORT_SETTLE_MS = 1_000;

/** All clients connect at once, each with a token and a channel of its own. */
export const connect: Scenario = {
  name: 'connect',
  row: 'N6b',
  title: `connect and subscribe: ${CLIENTS} clients, a token and a channel each`,
  start: () => startCarillon(),
  peers: [() => startSocketIo()],
  estimateSeconds: () => 28,
  run: async (target: Target, _timing: Timing, size: Size): Promise<Result> => {
    const { clients = CLIENTS } = size;
    const channels = Array.from({ length: clients }, (_, i) => `bench:connect-${i}`);
    const tokens = await target.tokens(clients);
    const warmUp = Math.ceil(clients * WARM_UP_SHARE);
    await comeAndGo(
      target,
      channels.slice(0, warmUp).map((name) => `${name}-warm`),
      tokens,
      size.clients === undefined ? SETTLE_MS : SHORT_SETTLE_MS,
    );
    const crowd = crowdOf(target, channels, tokens);
    try {
      await crowd.prepare();
      const before = await target.usage();
      const opening = await crowd.open();
      return toResult(target, { before, after: await target.usage(), opening });
    } finally {
      await crowd.leave();
    }
  },
};

/** Connections that are opened and reset. */
export async function comeAndGo(
  target: Target,
  channels: readonly string[],
  tokens: readonly string[],
  settleMs: number = SHORT_SETTLE_MS,
): Promise<void> {
  const crowd = crowdOf(target, channels, tokens);
  try {
    await crowd.prepare();
    await crowd.open();
  } finally {
    await crowd.leave();
  }
  await pause(settleMs); // until the servers have seen it
}

interface Seen {
  readonly before: readonly Usage[];
  readonly after: readonly Usage[];
  readonly opening: CrowdOpening;
}

export function toResult(target: Target, { before, after, opening }: Seen): Result {
  const histogram = histogramUs();
  for (const time of opening.timesUs) histogram.recordValue(Math.max(1, time));
  const units = opening.timesUs.length;
  const cpuUs = cpuBetween(before, after);
  return {
    scenario: connect.name,
    target: target.name,
    unit: 'connection',
    units,
    unitsPerSecond: units / (opening.wallUs / 1_000_000),
    cpuPerUnitUs: total(cpuUs) / units,
    cpuByProcessUs: cpuUs,
    latencyUs: summaryUs(histogram),
    lost: 0,
    duplicated: 0,
    reordered: 0,
    loadCpuPerUnitUs: opening.cpuUs / units,
    rssKbByProcess: Object.fromEntries(after.map(({ name, rssKb }) => [name, rssKb])),
    problems: opening.problems,
  };
}
