import { LoadProcess } from '../load/load-process.ts';
import { startCarillon } from '../targets/carillon.ts';
import { startSocketIo } from '../targets/socketio.ts';
import type { Target } from '../targets/target.ts';
import { measure, toResult } from './measure.ts';
import { type Result, type Scenario, type Size, type Timing, usualSeconds } from './scenario.ts';

const CONNECTIONS = 50;
const IN_FLIGHT = 200;
const PAD_BYTES = 100;

interface Publishing {
  readonly name: string;
  /** Namespace of the channels; it decides whether messages are stored. */
  readonly namespace: string;
  readonly peers: Scenario['peers'];
}

/** As fast as it goes: every connection keeps its publishes in flight, each is counted when it is accepted. */
function publishing(options: Publishing, more: string): Scenario {
  return {
    name: options.name,
    row: 'N3',
    title: `publish until accepted: ${CONNECTIONS} connections, ${IN_FLIGHT} in flight each${more}`,
    start: () => startCarillon(),
    peers: options.peers,
    estimateSeconds: usualSeconds,
    run: (target, timing, { clients = CONNECTIONS }: Size) =>
      publishUntilAccepted({ ...options, connections: clients, inFlight: IN_FLIGHT }, target, timing),
  };
}

export interface PublishWork {
  readonly name: string;
  readonly namespace: string;
  readonly connections: number;
  readonly inFlight: number;
}

export async function publishUntilAccepted(
  { name, namespace, connections, inFlight }: PublishWork,
  target: Target,
  timing: Timing,
): Promise<Result> {
  const publisher = new LoadProcess();
  try {
    await publisher.open({
      role: 'publisher',
      dialect: target.dialect,
      token: target.token,
      connections: Array.from({ length: connections }, (_, i) => ({
        port: target.ports[i % target.ports.length]!,
        channels: [`${namespace}:publish-${i}`],
      })),
      padBytes: PAD_BYTES,
      inFlight,
    });
    return toResult({ name }, target, 'publish', await measure(target, timing, publisher, undefined));
  } finally {
    publisher.end();
  }
}

/** As the peers do: kept in Redis, where none of them stores anything for good. */
export const publish = publishing(
  { name: 'publish', namespace: 'unstored', peers: [() => startSocketIo()] },
  '; history in Redis, nothing stored in Postgres',
);

export const publishStored = publishing(
  { name: 'publish-stored', namespace: 'bench', peers: [] },
  '; every message stored in Postgres',
);
