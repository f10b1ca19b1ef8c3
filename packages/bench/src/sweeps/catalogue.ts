import { LoadProcess } from '../load/load-process.ts';
import { runFanOut } from '../scenarios/fan-out.ts';
import { measure, toResult } from '../scenarios/measure.ts';
import { measureDelivery } from '../scenarios/measure-delivery.ts';
import { compare, openPublisher, resumable } from '../scenarios/resume-result.ts';
import type { Result, Timing } from '../scenarios/scenario.ts';
import { startCarillon } from '../targets/carillon.ts';
import type { Target } from '../targets/target.ts';
import type { Sweep } from './sweep.ts';

const RATE_PER_SECOND = 1000;
const OPEN_AT_ONCE = 64;
/** Of {@link channels}: few enough that connections are not what grows. */
const MAX_CLIENTS = 100;

/** One subscriber for each channel, whatever their number: as many messages and deliveries at each point. */
const channels: Sweep = {
  name: 'scale-channels',
  title: `${RATE_PER_SECOND} msg/s over more and more channels, one subscriber each, at most ${MAX_CLIENTS} connections`,
  axis: 'channels',
  values: [1, 10, 100, 1000, 10_000],
  fresh: false,
  start: () => startCarillon(),
  run: async (target, value, timing) => {
    const [load, publisher] = [new LoadProcess(), new LoadProcess()];
    try {
      return await runChannels({ load, publisher }, target, value, timing);
    } finally {
      load.end();
      publisher.end();
    }
  },
};

async function runChannels(
  { load, publisher }: { readonly load: LoadProcess; readonly publisher: LoadProcess },
  target: Target,
  value: number,
  timing: Timing,
): Promise<Result> {
  const names = Array.from({ length: value }, (_, i) => `bench:channels-${value}-${i}`);
  const tokens = await target.tokens(Math.min(MAX_CLIENTS, value));
  const share = names.length / tokens.length;
  await load.open({
    role: 'resuming',
    dialect: resumable(target),
    ports: target.ports,
    clients: tokens.map((token, i) => ({ token, channels: names.slice(i * share, (i + 1) * share) })),
    openAtOnce: OPEN_AT_ONCE,
  });
  await openPublisher(publisher, target, names, RATE_PER_SECOND);
  const measured = await measure(target, timing, publisher, load);
  const { lost, duplicated, reordered } = await compare([publisher], load);
  return { ...toResult(channels, target, 'message', measured), lost, duplicated, reordered };
}

/** The traffic stays the same: what grows is what connections cost by being there. */
const connections: Sweep = {
  name: 'scale-connections',
  title: `${RATE_PER_SECOND} msg/s over more and more connections, each with a channel of its own`,
  axis: 'connections',
  values: [10, 100, 1000, 5000, 15_000],
  fresh: false,
  start: () => startCarillon(),
  run: async (target, value, timing) => {
    const { ports } = target;
    const names = Array.from({ length: value }, (_, i) => `bench:connections-${value}-${i}`);
    return await measureDelivery(connections, target, timing, {
      unit: 'message',
      subscriber: {
        connections: names.map((channel, i) => ({ port: ports[i % ports.length]!, channel })),
        timeEvery: 1,
        openAtOnce: OPEN_AT_ONCE,
      },
      publisher: { connections: [{ port: ports[0]!, channels: names }], ratePerSecond: RATE_PER_SECOND },
    });
  },
};

const gateways: Sweep = {
  name: 'scale-gateways',
  title: '1 channel, 1000 subscribers, 100 msg/s, spread over more and more gateways',
  axis: 'gateways',
  values: [1, 2, 4],
  fresh: true,
  start: (value) => startCarillon({ gateways: value }),
  run: (target, _value, timing) =>
    runFanOut({ name: 'scale-gateways', row: '', subscribers: 1000, ratePerSecond: 100 }, target, timing),
};

const size: Sweep = {
  name: 'scale-size',
  title: '1 channel, 20 subscribers, 100 msg/s, payloads that grow',
  axis: 'bytes of payload',
  values: [100, 1024, 4096, 16_384, 65_536],
  fresh: false,
  start: () => startCarillon({ env: { CARILLON_MAX_FRAME_BYTES: '128KiB' } }),
  run: (target, value, timing) =>
    runFanOut(
      { name: `scale-size-${value}`, row: '', subscribers: 20, ratePerSecond: 100, padBytes: value },
      target,
      timing,
    ),
};

export const SWEEPS: readonly Sweep[] = [channels, connections, gateways, size];
