import { LoadProcess } from '../load/load-process.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { measure, toResult } from './measure.ts';
import { type Result, type Scenario, type Size, type Timing, usualSeconds } from './scenario.ts';

const CONNECTIONS = 50;
const IN_FLIGHT = 200;
const PAD_BYTES = 100;

/** As fast as it goes: every connection keeps its publishes in flight, each is counted when it is accepted. */
export const publish: Scenario = {
  name: 'publish',
  row: 'N3',
  title: `publish until accepted: ${CONNECTIONS} connections, ${IN_FLIGHT} in flight each`,
  start: () => startCarillon(),
  peers: [() => startSocketIo()],
  estimateSeconds: usualSeconds,
  run: async (target: Target, timing: Timing, { clients = CONNECTIONS }: Size): Promise<Result> => {
    const publisher = new LoadProcess();
    try {
      await publisher.open({
        role: 'publisher',
        dialect: target.dialect,
        token: target.token,
        connections: Array.from({ length: clients }, (_, i) => ({
          port: target.ports[i % target.ports.length]!,
          channels: [`bench:publish-${i}`],
        })),
        padBytes: PAD_BYTES,
        inFlight: IN_FLIGHT,
      });
      return toResult(publish, target, 'publish', await measure(target, timing, publisher, undefined));
    } finally {
      publisher.end();
    }
  },
};
