import { LoadProcess } from '../load/load-process.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { type Measured, measure, toResult } from './measure.ts';
import { compare, openPublisher, resumable, toResumes } from './resume-result.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const CLIENTS = 200;
const CHANNELS = 20;
/** Channels that each client is subscribed to. */
const CHANNELS_PER_CLIENT = 5;
const RATE_PER_SECOND = 100;
const CUT_EVERY_MS = 15_000;
const OPEN_AT_ONCE = 32;
/** Each connection is cut about twice in this time; a shorter run would say little. */
const MIN_SECONDS = 30;

/** Bad networks: connections break again and again while messages flow. A message's latency includes the absence of who gets it. */
export const jitter: Scenario = {
  name: 'jitter',
  row: 'N7',
  title: `connections cut every ~${CUT_EVERY_MS / 1000} s at random, ${RATE_PER_SECOND} msg/s on ${CHANNELS} channels, ${CHANNELS_PER_CLIENT} channels per client`,
  start: () => startCarillon(),
  peers: [() => startSocketIo({ recovery: true })],
  estimateSeconds: ({ warmUpSeconds, seconds }) => warmUpSeconds + Math.max(seconds, MIN_SECONDS) + 11,
  run: async (target: Target, timing: Timing, size: Size): Promise<Result> => {
    const { clients = CLIENTS, cutEveryMs = CUT_EVERY_MS } = size;
    const [load, publisher] = [new LoadProcess(), new LoadProcess()];
    try {
      const channels = Array.from({ length: CHANNELS }, (_, i) => `bench:jitter-${i}`);
      await openClients(target, channels, clients, load);
      await openPublisher(publisher, target, channels, RATE_PER_SECOND);
      await load.startCutting(cutEveryMs);
      const seconds = size.clients === undefined ? Math.max(MIN_SECONDS, timing.seconds) : timing.seconds;
      const measured = await measure(target, { ...timing, seconds }, publisher, load);
      return await judge(target, measured, publisher, load);
    } finally {
      load.end();
      publisher.end();
    }
  },
};

async function openClients(
  target: Target,
  channels: readonly string[],
  clients: number,
  load: LoadProcess,
): Promise<void> {
  const tokens = await target.tokens(clients);
  await load.open({
    role: 'resuming',
    dialect: resumable(target),
    ports: target.ports,
    clients: tokens.map((token, i) => ({
      token,
      channels: Array.from(
        { length: CHANNELS_PER_CLIENT },
        (_, k) => channels[(i * CHANNELS_PER_CLIENT + k) % CHANNELS]!,
      ),
    })),
    openAtOnce: OPEN_AT_ONCE,
  });
}

/** Judges after clients that were away at the end of publishing have received the rest. */
async function judge(
  target: Target,
  measured: Measured,
  publisher: LoadProcess,
  load: LoadProcess,
): Promise<Result> {
  await load.calm();
  const resumed = await compare([publisher], load);
  const { resumeUs = [] } = measured.subscriber!;
  return {
    ...toResult(jitter, target, 'delivery', measured),
    lost: resumed.lost,
    duplicated: resumed.duplicated,
    reordered: resumed.reordered,
    resumes: toResumes(resumed, resumeUs),
  };
}
