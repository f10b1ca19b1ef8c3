import { setTimeout as pause } from 'node:timers/promises';
import { LoadProcess } from '../load/load-process.ts';
import type { LoadReport } from '../load/plan.ts';
import { nowUs } from '../load/tally.ts';
import { cpuBetween } from '../measure/process-usage.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import { type Target, total } from '../targets/target.ts';
import { compare, openPublisher, resumable, toResumes } from './resume-result.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const CLIENTS = 10_000;
/** Each client is a file descriptor here, and twice one while it is replaced. */
const CLIENTS_PER_PROCESS = 5_000;
const OPEN_AT_ONCE = 64;
const SHARED = 'bench:shared';
const SHARED_PER_SECOND = 1;
const OWN_PER_SECOND = 500;
/** Live messages have to come after the return, too. */
const AFTER_MS = 1_000;

/**
 * All clients lose their connection in the same moment, cut by the load processes: a gateway that is killed drops only its own half, and
 * the time that a process takes to start would be measured with it. They come back to the other node, where nothing of them is warm:
 * neither their channel nor their token.
 */
export const reconnect: Scenario = {
  name: 'reconnect',
  row: 'N6',
  title: 'all clients dropped at once, each back on the other node, with a token and two positions',
  start: () => startCarillon(),
  peers: [() => startSocketIo({ recovery: true })],
  estimateSeconds: ({ warmUpSeconds }) => warmUpSeconds + 40,
  run: async (target: Target, timing: Timing, { clients = CLIENTS }: Size): Promise<Result> => {
    const loads = Array.from({ length: Math.ceil(clients / CLIENTS_PER_PROCESS) }, () => new LoadProcess());
    const publishers = [new LoadProcess(), new LoadProcess()];
    try {
      return await run(target, timing, clients, loads, publishers);
    } finally {
      for (const load of [...loads, ...publishers]) load.end();
    }
  },
};

async function run(
  target: Target,
  timing: Timing,
  clients: number,
  loads: readonly LoadProcess[],
  publishers: readonly LoadProcess[],
): Promise<Result> {
  const own = Array.from({ length: clients }, (_, i) => `bench:own-${i}`);
  await openClients(target, own, loads);
  await openPublisher(publishers[0]!, target, [SHARED], SHARED_PER_SECOND);
  await openPublisher(publishers[1]!, target, own, OWN_PER_SECOND);
  await Promise.all(publishers.map((publisher) => publisher.start()));
  await pause(timing.warmUpSeconds * 1000);
  await Promise.all(loads.map((load) => load.mark()));
  const before = await target.usage();
  const atUs = nowUs();
  await Promise.all(loads.map((load) => load.drop(atUs)));
  const after = await target.usage();
  const reports = await Promise.all([...loads, ...publishers].map((load) => load.report()));
  await pause(AFTER_MS);
  const resumed = await compare(publishers, loads);
  const resumes = toResumes(
    resumed,
    reports.flatMap(({ resumeUs }) => resumeUs ?? []),
  );
  const units = resumes.timeUs.count;
  const cpuUs = cpuBetween(before, after);
  return {
    scenario: reconnect.name,
    target: target.name,
    unit: 'resume',
    units,
    unitsPerSecond: units / (resumes.timeUs.max / 1_000_000),
    cpuPerUnitUs: total(cpuUs) / units,
    cpuByProcessUs: cpuUs,
    latencyUs: resumes.timeUs,
    lost: resumed.lost,
    duplicated: resumed.duplicated,
    reordered: resumed.reordered,
    loadCpuPerUnitUs: cpuOf(reports) / units,
    rssKbByProcess: Object.fromEntries(after.map(({ name, rssKb }) => [name, rssKb])),
    problems: reports.flatMap(({ problems }) => problems),
    resumes,
  };
}

async function openClients(
  target: Target,
  own: readonly string[],
  loads: readonly LoadProcess[],
): Promise<void> {
  const tokens = await target.tokens(own.length);
  const clients = own.map((channel, i) => ({ token: tokens[i]!, channels: [channel, SHARED] }));
  const share = Math.ceil(clients.length / loads.length);
  await Promise.all(
    loads.map((load, i) =>
      load.open({
        role: 'resuming',
        dialect: resumable(target),
        ports: target.ports,
        clients: clients.slice(i * share, (i + 1) * share),
        openAtOnce: OPEN_AT_ONCE,
      }),
    ),
  );
}

function cpuOf(reports: readonly LoadReport[]): number {
  return reports.reduce((sum, { cpuUs }) => sum + cpuUs, 0);
}
