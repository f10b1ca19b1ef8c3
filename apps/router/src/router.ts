import { type Broker, PartitionsDifferError } from '@carillon/broker';
import type { ListenerSettings } from '@carillon/config';
import {
  addControlNode,
  createHttpServer,
  type Fingerprints,
  listening,
  nodeName,
  registerOpsRoutes,
  type Service,
  ServiceShell,
  waitFor,
} from '@carillon/service';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import { HeldLeases } from './leases/held-leases.ts';
import { LeaseKeeper, renewIntervalMs } from './leases/keep-leases.ts';
import { OwnerlessPartitions } from './leases/ownerless-partitions.ts';
import { MessageRouter } from './routing/route-messages.ts';
import { keepUp } from './upkeep/keep-up.ts';
import { LaneNarrower } from './upkeep/narrow-channels.ts';
import { RouteBacklog } from './upkeep/route-backlog.ts';

/** Upkeep rounds within one gateway timeout. */
const UPKEEP_ROUNDS_PER_TIMEOUT = 4;

export interface RouterOptions {
  readonly broker: Broker;
  /** Its `instanceId` is the owner of the leases: no two running routers may share one. */
  readonly telemetry: Telemetry;
  /** Up to this many gateways a channel is in the direct lane. */
  readonly directLaneMaxGateways: number;
  /** How long a hold on a partition lasts without renewal. */
  readonly leaseTtlMs: number;
  /** A gateway that is silent for longer is removed. */
  readonly gatewayTimeoutMs: number;
  /** Of its settings, for the list of nodes. */
  readonly fingerprints?: Fingerprints | undefined;
  /** Health and metrics; absent: this router doesn't listen. */
  readonly listener?: ListenerSettings;
  /** `true`: the broker is started and stopped with this router. Default `false`: whoever composes several services does it. */
  readonly ownsBroker?: boolean;
}

/** The router as a service. Several share the partitions among themselves. */
export function createRouter(options: RouterOptions): Service {
  const { broker, telemetry, leaseTtlMs } = options;
  const { metrics } = telemetry;
  const shell = new ServiceShell(telemetry);
  const held = new HeldLeases();
  const ownerless = new OwnerlessPartitions(leaseTtlMs);
  const backlog = new RouteBacklog(broker.router, held, ownerless);
  const lost = metrics.counter(METRICS.leasesLost);
  const keeper = new LeaseKeeper({
    self: telemetry.instanceId,
    port: broker.router,
    held,
    ownerless,
    leaseTtlMs,
    logger: telemetry.loggerOf('leases'),
    onLost: (leases) => lost.add(leases),
  });
  metrics.gauge(METRICS.leasesHeld, () => held.size);
  metrics.gauge(METRICS.partitionsWithoutOwner, () => ownerless.count);
  metrics.gauge(METRICS.routeBacklog, () => backlog.samples());
  shell.health.add('partitions have a router', () => ownerless.problem(performance.now()), {
    affects: 'nothing',
  });
  addListener(shell, options);
  addBroker(shell, options);
  addControlNode(shell, telemetry, {
    open: (describe) => broker.control({ node: nodeName(telemetry), service: telemetry.service }, describe),
    fingerprints: options.fingerprints,
    facts: () => ({ partitions: broker.partitions, leases: held.size }),
  });
  // Stopped after the loops: what is under way is finished and committed before the partitions are handed over.
  shell.add({ name: 'hand over partitions', stop: () => keeper.leave() });
  addLoops(shell, options, { held, keeper, backlog });
  return shell;
}

function addListener(shell: ServiceShell, { telemetry, listener }: RouterOptions): void {
  if (listener === undefined) return;
  const server = createHttpServer(telemetry);
  registerOpsRoutes(server, telemetry, shell.health);
  shell.add(listening(server, listener));
}

function addBroker(shell: ServiceShell, { broker, telemetry, ownsBroker = false }: RouterOptions): void {
  shell.health.add('broker', async () => {
    const { ready, problems } = await broker.status();
    return ready ? undefined : problems.join('; ') || 'not ready';
  });
  shell.health.add('settings of the broker', async () => (await broker.status()).problems.join('; '), {
    affects: 'nothing',
  });
  if (!ownsBroker) return;
  shell.add({
    name: 'broker',
    start: (signal) =>
      waitFor({
        what: 'the broker',
        attempt: (attemptSignal) => broker.start(attemptSignal),
        isFinal: (error) => error instanceof PartitionsDifferError,
        telemetry,
        signal,
        health: shell.health,
      }),
    stop: () => broker.stop(),
  });
}

interface Loops {
  readonly held: HeldLeases;
  readonly keeper: LeaseKeeper;
  readonly backlog: RouteBacklog;
}

function addLoops(shell: ServiceShell, options: RouterOptions, { held, keeper, backlog }: Loops): void {
  const { broker, telemetry, leaseTtlMs, gatewayTimeoutMs, directLaneMaxGateways } = options;
  const { metrics, spans } = telemetry;
  const port = broker.router;
  const narrowing = new LaneNarrower({
    port,
    directLaneMaxGateways,
    narrowed: metrics.counter(METRICS.channelsNarrowed),
    logger: telemetry.loggerOf('upkeep'),
  });
  const router = new MessageRouter({
    port,
    narrowing,
    spans,
    held,
    logger: telemetry.loggerOf('routing'),
    messages: metrics.counter(METRICS.routedMessages),
    copies: metrics.counter(METRICS.routedCopies),
    fenced: metrics.counter(METRICS.fencedCommits),
  });
  const upkeep = {
    port,
    held,
    narrowing,
    gatewayTimeoutMs,
    logger: telemetry.loggerOf('upkeep'),
    reaped: metrics.counter(METRICS.gatewaysReaped),
  };
  // Back at work well within a lease TTL after an outage: leases that weren't lost are renewed in time.
  const backoff = { maxMs: renewIntervalMs(leaseTtlMs) };
  shell.addLoop({ name: 'leases', run: (signal, progress) => keeper.run(signal, progress), backoff });
  shell.addLoop({ name: 'routing', run: (signal, progress) => router.run(signal, progress), backoff });
  shell.addLoop({
    name: 'upkeep',
    everyMs: gatewayTimeoutMs / UPKEEP_ROUNDS_PER_TIMEOUT,
    run: async () => {
      await keepUp(upkeep);
      await backlog.update();
    },
  });
}
