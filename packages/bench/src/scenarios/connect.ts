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
/** A part as large as this comes and goes first: servers are measured warm, the second thousand like the tenth. */
const WARM_UP_SHARE = 0.1;

/** Everybody comes at once: connection, token, a channel of one's own. */
export const connect: Scenario = {
  name: 'connect',
  row: 'N6b',
  title: `connect and subscribe: ${CLIENTS} clients, a token and a channel each`,
  start: () => startCarillon(),
  peers: [() => startSocketIo()],
  estimateSeconds: () => 18,
  run: async (target: Target, _timing: Timing, { clients = CLIENTS }: Size): Promise<Result> => {
    const channels = Array.from({ length: clients }, (_, i) => `bench:connect-${i}`);
    const tokens = await target.tokens(clients);
    const warmUp = Math.ceil(clients * WARM_UP_SHARE);
    await comeAndGo(
      target,
      channels.slice(0, warmUp).map((name) => `${name}-warm`),
      tokens,
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
): Promise<void> {
  const crowd = crowdOf(target, channels, tokens);
  try {
    await crowd.prepare();
    await crowd.open();
  } finally {
    await crowd.leave();
  }
  await pause(1_000); // until the servers have seen it
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
