import { setTimeout as pause } from 'node:timers/promises';
import { cProgram } from '../load/c-program.ts';
import { CReturning } from '../load/c-returning.ts';
import { LoadProcess } from '../load/load-process.ts';
import { NodeReturning } from '../load/node-returning.ts';
import type { Returning } from '../load/returning.ts';
import { nowUs } from '../load/tally.ts';
import { cpuBetween } from '../measure/process-usage.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import { type Target, total } from '../targets/target.ts';
import { compare, openPublisher, resumable, toResumes } from './resume-result.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const CLIENTS = 10_000;
const OPEN_AT_ONCE = 64;
const SHARED = 'bench:shared';
const SHARED_PER_SECOND = 1;
const OWN_PER_SECOND = 500;
/**
 * A part as large as this is dropped and comes back before, so that V8 has compiled what coming back needs: a process that has run for an
 * hour has seen it a thousand times.
 */
const WARM_UP_SHARE = 0.3;
/** Until the nodes have let go of the channels of those who are on the other one now. */
const SETTLE_MS = 8_000;
const SHORT_SETTLE_MS = 500;
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
  estimateSeconds: ({ warmUpSeconds }) => warmUpSeconds + 50,
  run: async (target: Target, timing: Timing, size: Size): Promise<Result> => {
    const { clients = CLIENTS } = size;
    const settleMs = size.clients === undefined ? SETTLE_MS : SHORT_SETTLE_MS;
    const own = Array.from({ length: clients }, (_, i) => `bench:own-${i}`);
    const returning = returningOf(target, own, await target.tokens(clients));
    const publishers = [new LoadProcess(), new LoadProcess()];
    try {
      return await run(target, { ...timing, settleMs }, own, { returning, publishers });
    } finally {
      for (const load of [returning, ...publishers]) load.end();
    }
  },
};

interface Load {
  readonly returning: Returning;
  readonly publishers: readonly LoadProcess[];
}

async function run(
  target: Target,
  timing: Timing & { readonly settleMs: number },
  own: readonly string[],
  { returning, publishers }: Load,
): Promise<Result> {
  await returning.open();
  await openPublisher(publishers[0]!, target, [SHARED], SHARED_PER_SECOND);
  await openPublisher(publishers[1]!, target, own, OWN_PER_SECOND);
  await Promise.all(publishers.map((publisher) => publisher.start()));
  await pause(timing.warmUpSeconds * 1000);
  await returning.drop(nowUs(), Math.ceil(own.length * WARM_UP_SHARE));
  await pause(timing.settleMs);
  await Promise.all([returning, ...publishers].map((load) => load.mark()));
  const before = await target.usage();
  await returning.drop(nowUs(), own.length);
  const after = await target.usage();
  const [returns, ...published] = await Promise.all([
    returning.returns(),
    ...publishers.map((publisher) => publisher.report()),
  ]);
  await pause(AFTER_MS);
  const resumed = await compare(publishers, returning);
  const resumes = toResumes(resumed, returns.resumeUs);
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
    loadCpuPerUnitUs: [returns, ...published].reduce((sum, { cpuUs: us }) => sum + us, 0) / units,
    rssKbByProcess: Object.fromEntries(after.map(({ name, rssKb }) => [name, rssKb])),
    problems: [returns, ...published].flatMap(({ problems }) => problems),
    resumes,
  };
}

function returningOf(target: Target, own: readonly string[], tokens: readonly string[]): Returning {
  const plan = {
    dialect: resumable(target),
    ports: target.ports,
    clients: own.map((channel, i) => ({ token: tokens[i]!, channels: [channel, SHARED] })),
    openAtOnce: OPEN_AT_ONCE,
  };
  const program = plan.dialect === 'carillon' ? cProgram('resume') : undefined;
  return program === undefined ? new NodeReturning(plan) : new CReturning(program, plan);
}
