import { createTelemetry, type Telemetry } from '@carillon/telemetry';
import type { StoredMessage } from './message-store.ts';

export function quietTelemetry(service = 'db-test'): Telemetry {
  return createTelemetry({
    service,
    instanceId: 'test',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
}

export function message(seq: number, given: Partial<StoredMessage> = {}): StoredMessage {
  const id = given.id ?? `m-${seq}`;
  return {
    app: 'demo',
    channel: 'chat:lobby',
    epoch: 'aaaaaaaa0001',
    seq,
    id,
    publishedAtMs: 1_700_000_000_000 + seq,
    header: JSON.stringify({ id, timestamp: 1_700_000_000_000 + seq }),
    payload: `{"n": ${seq} }`,
    ...given,
  };
}
