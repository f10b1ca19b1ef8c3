export { plainMessage } from './logging/error-fields.ts';
export { createLoggers, type Logger, type LoggerOptions, type Loggers } from './logging/logger.ts';
export { RepeatedLog } from './logging/repeated.ts';
export { scrub } from './logging/scrub.ts';
export { METRICS, metricsMarkdown } from './metrics/catalogue.ts';
export {
  type MetricJson,
  metricsJson,
  PROMETHEUS_CONTENT_TYPE,
  prometheusText,
} from './metrics/exposition.ts';
export { type Counter, type Family, type Gauge, Histogram } from './metrics/instruments.ts';
export { type MetricDeclaration, Metrics, type MetricType, type Sample } from './metrics/registry.ts';
export { createTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export type { OtelOptions } from './tracing/otel-options.ts';
export { NO_SPAN, NO_SPANS, type SpanHandle, type SpanOptions, type Spans } from './tracing/spans.ts';
export { isSampled, isTraceparent, spanIdOf, traceIdOf } from './tracing/traceparent.ts';
