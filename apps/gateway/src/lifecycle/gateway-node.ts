import type { Broker, ControlNode } from '@carillon/broker';
import { CarillonError } from '@carillon/protocol';
import { addControlNode, type Fingerprints, type ServiceShell } from '@carillon/service';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import type { Intake } from '../admission/intake.ts';
import type { Connections } from '../session/connections.ts';
import type { PacedDrain } from './paced-drain.ts';

/** Faster is all at once. */
const MAX_RATE_PER_SECOND = 100_000;

export interface GatewayNodeDependencies {
  readonly broker: Broker;
  readonly gateway: string;
  readonly publicName: string;
  readonly connections: Connections;
  readonly maxConnections: number;
  readonly intake: Intake;
  readonly drain: PacedDrain;
  /** Workers on this gateway get no new requests, or get them again. */
  readonly offerRequests: (offers: boolean) => Promise<void>;
  readonly telemetry: Telemetry;
  readonly fingerprints: Fingerprints | undefined;
}

/** The gateway as a node of the control port: its state, and what operators may do to it. Commands set a state, so they can be repeated. */
export function addGatewayNode(shell: ServiceShell, deps: GatewayNodeDependencies): void {
  const { broker, gateway, intake, drain, telemetry } = deps;
  const facts = () => ({
    publicName: deps.publicName,
    partitions: broker.partitions,
    connections: deps.connections.size,
    maxConnections: deps.maxConnections,
    newConnections: intake.isOpen ? 'accepted' : 'refused',
    newConnectionsAllowed: intake.allowed,
    drain: drain.status() ?? null,
  });
  const node: ControlNode = addControlNode(shell, telemetry, {
    open: (describe) => broker.control({ node: gateway, service: telemetry.service }, describe),
    fingerprints: deps.fingerprints,
    facts,
  });
  const logger = telemetry.loggerOf('control');
  telemetry.metrics.gauge(METRICS.newConnectionsRefused, () => (intake.isOpen ? 0 : 1));
  shell.health.add('new connections', () => intake.problem());
  const changed = async (what: string, fields: object): Promise<object> => {
    logger.info(fields, what);
    await node.refresh();
    return facts();
  };
  node.onCommand('drain.begin', async (input) => {
    const ratePerSecond = rateOf(input);
    intake.isDrained = true;
    await deps.offerRequests(false);
    drain.begin(ratePerSecond);
    return changed('an operator has this gateway drained', { ratePerSecond });
  });
  node.onCommand('drain.stop', async () => {
    drain.stop();
    intake.isDrained = false;
    await deps.offerRequests(true);
    return changed('an operator has stopped the drain', {});
  });
  node.onCommand('new-connections', async (input) => {
    const { allowed } = (input ?? {}) as { allowed?: unknown };
    if (typeof allowed !== 'boolean') throw new CarillonError('BODY_INVALID', 'allowed: true or false');
    intake.allowed = allowed;
    return changed(
      allowed
        ? 'an operator has this gateway take new connections'
        : 'an operator has this gateway refuse new connections',
      {},
    );
  });
}

function rateOf(input: unknown): number {
  const { ratePerSecond } = (input ?? {}) as { ratePerSecond?: unknown };
  if (typeof ratePerSecond === 'number' && ratePerSecond >= 0.1 && ratePerSecond <= MAX_RATE_PER_SECOND)
    return ratePerSecond;
  throw new CarillonError('BODY_INVALID', `ratePerSecond: a number of 0.1..${MAX_RATE_PER_SECOND}`);
}
