/** Goals and the peers' figures: the rows of the summary in docs/performance.md. */
import type { Result } from '../scenarios/scenario.ts';
import { bytes, count, rate, us } from './units.ts';

/** The runs of one scenario, as a goal looks at them. */
export interface Seen {
  readonly carillon: Result;
  readonly socketio: Result | undefined;
  /** The peer that does nothing but hold connections. */
  readonly ws: Result | undefined;
  /** The floor, where it is a target as well. */
  readonly relay: Result | undefined;
  /** CPU of the floor per unit. */
  readonly floorUs: number | undefined;
}

export interface Goal {
  readonly id: string;
  readonly scenario: string;
  readonly work: string;
  /** Measured earlier, on a like machine; empty where nothing is known. */
  readonly centrifugoEarlier: string;
  readonly socketioEarlier: string;
  /** The figures of a target that this row is about. */
  readonly show: (result: Result) => string;
  /** The floor, where there is one. */
  readonly floor: (seen: Seen) => string;
  readonly goal: string;
  /** Absent: shown for comparison. */
  readonly reached?: (seen: Seen) => boolean;
}

const none = (): string => '';
const floorCpu = ({ floorUs }: Seen): string => (floorUs === undefined ? '' : us(floorUs));
const latency = ({ latencyUs }: Result): string => `${us(latencyUs.p50)} / ${us(latencyUs.p99)}`;
const faultless = ({ lost, duplicated, reordered }: Result): boolean => lost + duplicated + reordered === 0;
/** p99 of Centrifugo, measured earlier: the lower end. */
const CENTRIFUGO_P99_US = 26_000;

const FAN_OUT: readonly Goal[] = [
  {
    id: 'N1',
    scenario: 'fan-out',
    work: 'fan-out, 1 channel, 1000 subscribers, 100 msg/s: CPU per delivery',
    centrifugoEarlier: '10.5-12.3 µs',
    socketioEarlier: '10.4-11.7 µs',
    show: ({ cpuPerUnitUs }) => us(cpuPerUnitUs),
    floor: floorCpu,
    goal: '<= 1.3 x the floor of the same run',
    reached: ({ carillon, floorUs }) => floorUs !== undefined && carillon.cpuPerUnitUs <= 1.3 * floorUs,
  },
  {
    id: 'N1b',
    scenario: 'fan-out',
    work: 'the same: p99 latency',
    centrifugoEarlier: '26-47 ms',
    socketioEarlier: '69-78 ms',
    show: ({ latencyUs }) => us(latencyUs.p99),
    floor: none,
    goal: '<= 0.7 x the better peer (Socket.IO of this run, 26 ms of Centrifugo)',
    reached: ({ carillon, socketio }) =>
      socketio !== undefined &&
      carillon.latencyUs.p99 <= 0.7 * Math.min(socketio.latencyUs.p99, CENTRIFUGO_P99_US),
  },
  {
    id: 'N2',
    scenario: 'fan-out-fast',
    work: 'fan-out, 200 subscribers, 2500 msg/s: 500,000 deliveries/s asked',
    centrifugoEarlier: '324,000/s, 4.2 µs, falls behind',
    socketioEarlier: '221,000/s, 5.9 µs, falls behind',
    show: (result) =>
      `${rate(result.unitsPerSecond)}, ${us(result.cpuPerUnitUs)}, p99 ${us(result.latencyUs.p99)}`,
    floor: none,
    goal: 'keeps up, <= 1 µs each, p99 < 50 ms',
    reached: ({ carillon }) =>
      carillon.unitsPerSecond >= 0.99 * 500_000 &&
      carillon.cpuPerUnitUs <= 1 &&
      carillon.latencyUs.p99 < 50_000,
  },
  {
    id: 'N2',
    scenario: 'fan-out-alone',
    work: 'one gateway process alone: deliveries per second of its CPU (1,000,000/s asked)',
    centrifugoEarlier: '',
    socketioEarlier: '',
    show: ({ figures, unitsPerSecond }) =>
      `${rate(figures?.deliveriesPerNodeCpuSecond ?? 0)} (${rate(unitsPerSecond)} delivered)`,
    floor: none,
    goal: '>= 1,000,000/s on one core',
    reached: ({ carillon }) => (carillon.figures?.deliveriesPerNodeCpuSecond ?? 0) >= 1_000_000,
  },
];

const MESSAGES: readonly Goal[] = [
  {
    id: 'N3',
    scenario: 'publish',
    work: 'publish until `accepted`, 50 connections, 200 in flight each, history kept',
    centrifugoEarlier: '38,500/s, 33 µs (after Redis)',
    socketioEarlier: '47,900/s, 30.5 µs (before Redis)',
    show: ({ unitsPerSecond, cpuPerUnitUs }) => `${rate(unitsPerSecond)}, ${us(cpuPerUnitUs)}`,
    floor: none,
    goal: '>= 60,000/s, <= 18 µs each, after Redis',
    reached: ({ carillon }) => carillon.unitsPerSecond >= 60_000 && carillon.cpuPerUnitUs <= 18,
  },
  {
    id: 'N3',
    scenario: 'publish-stored',
    work: 'the same, every message stored in Postgres as well',
    centrifugoEarlier: '',
    socketioEarlier: '',
    show: ({ unitsPerSecond, cpuPerUnitUs }) => `${rate(unitsPerSecond)}, ${us(cpuPerUnitUs)}`,
    floor: none,
    goal: '',
  },
  {
    id: 'N4',
    scenario: 'pairs',
    work: '200 channels, 1000 msg/s in all, subscribers on two nodes: p50 / p99',
    centrifugoEarlier: '0.26 / 0.52 ms',
    socketioEarlier: '0.27 / 1.1 ms',
    show: latency,
    floor: ({ relay }) => (relay === undefined ? '' : latency(relay)),
    goal: 'p50 <= 0.25, p99 <= 0.5 ms, stored',
    reached: ({ carillon: { latencyUs } }) => latencyUs.p50 <= 250 && latencyUs.p99 <= 500,
  },
  {
    id: 'N4b',
    scenario: 'pairs-unstored',
    work: 'the same, nothing stored in Postgres: CPU per message',
    centrifugoEarlier: '268 µs',
    socketioEarlier: '296 µs',
    show: ({ cpuPerUnitUs }) => us(cpuPerUnitUs),
    floor: floorCpu,
    goal: '<= 200 µs',
    reached: ({ carillon }) => carillon.cpuPerUnitUs <= 200,
  },
  {
    id: 'N4b',
    scenario: 'pairs',
    work: 'the same, stored in Postgres: CPU per message',
    centrifugoEarlier: '',
    socketioEarlier: '296 µs (stores nothing)',
    show: ({ cpuPerUnitUs }) => us(cpuPerUnitUs),
    floor: floorCpu,
    goal: '<= 260 µs',
    reached: ({ carillon }) => carillon.cpuPerUnitUs <= 260,
  },
];

const CONNECTIONS: readonly Goal[] = [
  {
    id: 'N5',
    scenario: 'memory',
    work: 'memory per idle authenticated connection, each with a channel of its own',
    centrifugoEarlier: '53 KB',
    socketioEarlier: '27 KB',
    show: ({ figures }) => bytes(figures?.rssBytesPerConnection ?? Number.NaN),
    floor: ({ ws }) => (ws === undefined ? '' : `${bytes(ws.figures?.rssBytesPerConnection ?? 0)} (bare ws)`),
    goal: '<= 10 KB',
    reached: ({ carillon }) => (carillon.figures?.rssBytesPerConnection ?? Infinity) <= 10_000,
  },
  {
    id: 'N6b',
    scenario: 'connect',
    work: 'connect + subscribe, 10,000 clients, token verified, two nodes',
    centrifugoEarlier: '4,600-5,100/s (no token)',
    socketioEarlier: '3,600-4,600/s (no token)',
    show: ({ unitsPerSecond }) => rate(unitsPerSecond),
    floor: none,
    goal: '>= 8,000/s',
    reached: ({ carillon }) => carillon.unitsPerSecond >= 8_000,
  },
  {
    id: 'N6',
    scenario: 'reconnect',
    work: '10,000 clients dropped at once: time until resumed, p99',
    centrifugoEarlier: '',
    socketioEarlier: '',
    show: ({ resumes, lost }) => {
      const back = resumes?.timeUs.count ?? 0;
      return `${back === 0 ? 'none' : `${us(resumes!.timeUs.p99)}, ${count(back)}`} back in time, ${count(lost)} lost`;
    },
    floor: none,
    goal: 'all resumed, 0 lost, p99 < 2 s',
    reached: ({ carillon: { resumes, lost } }) =>
      resumes !== undefined &&
      lost === 0 &&
      resumes.timeUs.count === resumes.clients &&
      Object.keys(resumes.notRecovered).length === 0 &&
      resumes.timeUs.p99 < 2_000_000,
  },
  {
    id: 'N7',
    scenario: 'jitter',
    work: 'connections cut every ~15 s while messages flow: delivered, p99',
    centrifugoEarlier: '(published: AnyCable 100 %, p99 6.1 s)',
    socketioEarlier: '(published: 84.6 %)',
    show: ({ resumes, latencyUs }) =>
      `${((resumes?.deliveredShare ?? 0) * 100).toFixed(3)} %, ${us(latencyUs.p99)}`,
    floor: none,
    goal: '100 % delivered, p99 < 1 s',
    reached: ({ carillon }) => faultless(carillon) && carillon.latencyUs.p99 < 1_000_000,
  },
  {
    id: 'N8',
    scenario: 'cold-start',
    work: '`npm start` with everything installed, until ready',
    centrifugoEarlier: '',
    socketioEarlier: '',
    show: ({ latencyUs }) => us(latencyUs.p50),
    floor: none,
    goal: '< 1.5 s',
    reached: ({ carillon }) => carillon.latencyUs.p50 < 1_500_000,
  },
];

export const GOALS: readonly Goal[] = [...FAN_OUT, ...MESSAGES, ...CONNECTIONS];
