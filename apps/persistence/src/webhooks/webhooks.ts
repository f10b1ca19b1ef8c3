import type { PersistenceLog } from '@carillon/broker';
import type { ResponderEndpoint, WebhookEndpoint } from '@carillon/config';
import type { Database } from '@carillon/db';
import type { ServiceShell } from '@carillon/service';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import { announceOnce } from './announce-replayed.ts';
import { Dispatcher } from './dispatcher.ts';
import { AddressPolicy } from './public-address.ts';
import { wantsOccupancy } from './queued-deliveries.ts';

export interface WebhooksOptions {
  readonly endpoints: readonly WebhookEndpoint[];
  /** Endpoints that answer requests. Default: none. */
  readonly responders?: readonly ResponderEndpoint[];
  /** CIDR blocks that may be delivered to although they are not public. */
  readonly allowedNetworks: readonly string[];
}

export interface WebhooksDependencies {
  readonly database: Database;
  readonly log: Pick<PersistenceLog, 'tellOccupancy'>;
  readonly telemetry: Telemetry;
  readonly orderedAfterMs: number;
}

const LOOK_FOR_REPLAYED_MS = 1000;
/** Often: a Redis that came back empty doesn't know of it. */
const ASK_FOR_OCCUPANCY_MS = 2000;

/** A loop for each endpoint: one that hangs holds up nobody else. Answers how to wake them. */
export function addWebhooks(
  shell: ServiceShell,
  { endpoints, allowedNetworks }: WebhooksOptions,
  deps: WebhooksDependencies,
): () => void {
  // Also without endpoints: what nobody wants to know is not kept for who may want to know it later.
  shell.addLoop({
    name: 'replayed messages',
    everyMs: LOOK_FOR_REPLAYED_MS,
    run: async () => void (await announceOnce(deps.database, endpoints)),
    onCritical: 'retry',
  });
  if (endpoints.length === 0) return () => undefined;
  if (wantsOccupancy(endpoints))
    shell.addLoop({
      name: 'occupancy of channels',
      everyMs: ASK_FOR_OCCUPANCY_MS,
      run: () => deps.log.tellOccupancy(),
      onCritical: 'retry',
    });
  const addresses = new AddressPolicy(allowedNetworks);
  const { metrics } = deps.telemetry;
  const results = metrics.counters(METRICS.webhookDeliveries);
  const seconds = metrics.histogram(METRICS.webhookSeconds);
  const dispatchers = endpoints.map(
    (endpoint) => new Dispatcher({ ...deps, results, seconds, endpoint, addresses }),
  );
  endpoints.forEach(({ name }, i) => {
    shell.addLoop({ name: `webhook ${name}`, run: dispatchers[i]!.run, onCritical: 'retry' });
  });
  metrics.gauge(METRICS.webhookCircuit, () =>
    endpoints.map(({ name }, i) => [[name], dispatchers[i]!.isPaused ? 1 : 0] as const),
  );
  return () => {
    for (const dispatcher of dispatchers) dispatcher.wake();
  };
}
