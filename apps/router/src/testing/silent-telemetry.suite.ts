import { createTelemetry, type Telemetry } from '@carillon/telemetry';

export function silentTelemetry(instanceId: string): Telemetry {
  return createTelemetry({
    service: 'router',
    instanceId,
    version: '0.0.0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
}
