import type { Broker, ChannelKey, Publication } from '@carillon/broker';
import { encodeRecord } from '@carillon/protocol';
import { createTelemetry, type Telemetry } from '@carillon/telemetry';

export function quietTelemetry(service = 'persistence'): Telemetry {
  return createTelemetry({
    service,
    instanceId: `${service}-${Math.random().toString(36).slice(2)}`,
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
}

export function publication(n: number, payload = JSON.stringify({ n }), storedTo?: string): Publication {
  const id = `m-${n}`;
  return {
    channel: `demo/chat:${n % 7}` as ChannelKey,
    id,
    record: encodeRecord({ id, timestamp: Date.now() }, payload),
    keeping: { history: { maxMessages: 10, ttlMs: 60_000 }, durable: true },
    ...(storedTo === undefined ? {} : { storedTo }),
  };
}

/** Places of what was accepted: `<channel> <epoch>:<seq>`. */
export async function publish(
  broker: Broker,
  publications: readonly Publication[],
): Promise<readonly string[]> {
  const outcomes = await broker.publisher.publish(publications);
  return outcomes.map((outcome, i) => {
    if (outcome.status !== 'accepted') throw outcome.error;
    return `${publications[i]!.channel.slice('demo/'.length)} ${outcome.epoch}:${outcome.seq}`;
  });
}
