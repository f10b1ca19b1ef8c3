import type { WebhookEndpoint } from '@carillon/config';
import type { Database } from '@carillon/db';
import type { ServiceShell } from '@carillon/service';
import { METRICS, type Telemetry } from '@carillon/telemetry';
import { Dispatcher } from './dispatcher.ts';
import { AddressPolicy } from './public-address.ts';

export interface WebhooksOptions {
  readonly endpoints: readonly WebhookEndpoint[];
  /** CIDR blocks that may be delivered to although they are not public. */
  readonly allowedNetworks: readonly string[];
}

/** A loop for each endpoint: one that hangs holds up nobody else. Answers how to wake them. */
export function addWebhooks(
  shell: ServiceShell,
  { endpoints, allowedNetworks }: WebhooksOptions,
  deps: { readonly database: Database; readonly telemetry: Telemetry; readonly orderedAfterMs: number },
): () => void {
  if (endpoints.length === 0) return () => undefined;
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
