import { createTelemetry, type Telemetry } from '@carillon/telemetry';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Telemetry whose log lines can be looked at. */
export function recordedTelemetry(service = 'test'): { telemetry: Telemetry; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const telemetry = createTelemetry({
    service,
    instanceId: `${service}-1`,
    version: '0.0.0',
    levels: { level: 'debug', modules: {} },
    format: 'json',
    stream: { write: (line) => lines.push(JSON.parse(line) as LogLine) },
    processMetrics: false,
  });
  return { telemetry, lines };
}
