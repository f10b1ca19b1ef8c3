import { setTimeout as pause } from 'node:timers/promises';
import type { Usage } from '../measure/process-usage.ts';
import { startBareWs } from '../targets/bare-ws.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { comeAndGo, toResult } from './connect.ts';
import { crowdOf } from './crowd.ts';
import type { Result, Scenario, Size, Timing } from './scenario.ts';

const CLIENTS = 10_000;
/** Come and go first, so that what a process grows by once, for the first connections, isn't counted as theirs. */
const WARM_UP_SHARE = 0.1;
/** Time for the garbage of opening to be collected. */
const SETTLE_MS = 5_000;
const SHORT_SETTLE_MS = 500;

/** Resident memory of the processes that hold the connections, before and after. */
export const memory: Scenario = {
  name: 'memory',
  row: 'N5',
  title: `memory of ${CLIENTS} idle connections, each authenticated and subscribed to a channel of its own`,
  start: () => startCarillon(),
  peers: [() => startSocketIo(), startBareWs],
  estimateSeconds: () => 18,
  run: async (target: Target, _timing: Timing, size: Size): Promise<Result> => {
    const { clients = CLIENTS } = size;
    const channels = Array.from({ length: clients }, (_, i) => `bench:idle-${i}`);
    const tokens = await target.tokens(clients);
    const warmUp = channels.slice(0, Math.ceil(clients * WARM_UP_SHARE)).map((name) => `${name}-warm`);
    await comeAndGo(target, warmUp, tokens);
    const crowd = crowdOf(target, channels, tokens);
    try {
      await crowd.prepare();
      const before = await target.usage();
      const opening = await crowd.open();
      await pause(size.clients === undefined ? SETTLE_MS : SHORT_SETTLE_MS);
      const after = await target.usage();
      const result = toResult(target, { before, after, opening });
      const bytes = (rssKb(after, target) - rssKb(before, target)) * 1024;
      return { ...result, scenario: memory.name, figures: { rssBytesPerConnection: bytes / clients } };
    } finally {
      await crowd.leave();
    }
  },
};

function rssKb(usage: readonly Usage[], { nodes }: Target): number {
  return usage.filter(({ name }) => nodes.includes(name)).reduce((sum, one) => sum + one.rssKb, 0);
}
