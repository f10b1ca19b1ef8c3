import { createLoggers, type Logger, type LoggerOptions } from './logging/logger.ts';
import { RepeatedLog } from './logging/repeated.ts';
import { METRICS } from './metrics/catalogue.ts';
import { registerProcessMetrics } from './metrics/process-metrics.ts';
import { Metrics } from './metrics/registry.ts';
import type { OtelOptions } from './tracing/otel-options.ts';
import type { Spans } from './tracing/spans.ts';
import { createTracing } from './tracing/tracing.ts';

export interface TelemetryOptions {
  /** `gateway`, `router`, ... */
  readonly service: string;
  /** Name of this process, unique among running ones. */
  readonly instanceId: string;
  readonly version: string;
  readonly levels: LoggerOptions['levels'];
  readonly format: LoggerOptions['format'];
  readonly stream?: LoggerOptions['stream'];
  /** Absent: no traces. */
  readonly otel?: OtelOptions | undefined;
  /** Also event loop, memory and so on; `false` for all but one of several services in a process. Default true. */
  readonly processMetrics?: boolean;
}

/** Logs, metrics and traces of one service. Nothing in it is global. */
export interface Telemetry {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
  readonly logger: Logger;
  /** Logger of a module, at the level set for it. */
  loggerOf(module: string): Logger;
  readonly metrics: Metrics;
  readonly spans: Spans;
  /** Why lines of the log are lost now, in words; `undefined` when they are not. */
  logProblem(): string | undefined;
  /** Exports what is waiting. */
  shutdown(): Promise<void>;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { service, instanceId, version } = options;
  const loggers = createLoggers({
    service,
    instanceId,
    levels: options.levels,
    format: options.format,
    ...(options.stream === undefined ? {} : { stream: options.stream }),
  });
  const log = new RepeatedLog(loggers.module('telemetry'));
  const metrics = new Metrics((name, problem, error) =>
    log.warn({ metric: name, ...(error !== undefined && { err: error }) }, `metric ${name} ${problem}`),
  );
  metrics.gauge(METRICS.buildInfo, () => [[[service, instanceId, version], 1]]);
  const stopProcessMetrics =
    options.processMetrics === false ? () => undefined : registerProcessMetrics(metrics);
  metrics.observedCounter(METRICS.logLinesLost, () => loggers.output.lost);
  const spansLost = metrics.counter(METRICS.spansLost);
  const tracing = createTracing({ service, instanceId, version }, options.otel, (error, spans) => {
    spansLost.add(spans);
    log.warn({ err: error, spans }, 'spans could not be exported');
  });
  return {
    service,
    instanceId,
    version,
    logger: loggers.root,
    loggerOf: loggers.module,
    metrics,
    spans: tracing,
    logProblem: () => logProblem(loggers.output),
    shutdown: async () => {
      stopProcessMetrics();
      await tracing.shutdown();
    },
  };
}

function logProblem({
  fault,
  lost,
}: {
  readonly fault: string | undefined;
  readonly lost: number;
}): string | undefined {
  if (fault === undefined) return undefined;
  return `the log can not be written (${fault}), ${lost} lines are lost${fault === 'ENOSPC' ? ': is the disk full?' : ''}`;
}
