import { group } from '../group.ts';
import { choice, decimal, flag, integer, text, url } from '../kinds.ts';
import { optional, withDefault } from '../setting.ts';

const endpoint = url('http', 'https');
const protocol = choice(['http/protobuf', 'http/json']);
const pairs = text(/^[^\0]{1,8192}$/, 'comma-separated list of key=value');

/** Standard variables that other software shares: a value that is not supported here is warned about and ignored. */
const SHARED = { onFault: 'warn' } as const;

export const otelSettings = group({
  title: 'OpenTelemetry',
  intro:
    'The standard variables. They are often set for a whole cluster, so a value that Carillon does not support is reported and ignored. Without an endpoint no traces are exported.',
  settings: {
    disabled: withDefault(flag(), false, {
      ...SHARED,
      variable: 'OTEL_SDK_DISABLED',
      description: 'Turns tracing off.',
      example: 'true',
    }),
    serviceName: optional(text(/^[^\0]{1,255}$/, 'text'), {
      ...SHARED,
      variable: 'OTEL_SERVICE_NAME',
      description: 'Name of the service in traces. Default: `carillon-gateway` and so on.',
      example: 'chat-gateway',
    }),
    resourceAttributes: optional(pairs, {
      ...SHARED,
      variable: 'OTEL_RESOURCE_ATTRIBUTES',
      description: 'Attributes of every span.',
      example: 'deployment.environment=production',
    }),
    tracesExporter: withDefault(choice(['otlp', 'console', 'none']), 'otlp', {
      ...SHARED,
      variable: 'OTEL_TRACES_EXPORTER',
      description: 'Where traces go.',
      example: 'none',
    }),
    endpoint: optional(endpoint, {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      description: 'Base address of the collector.',
      example: 'http://localhost:4318',
      secrecy: 'url',
    }),
    tracesEndpoint: optional(endpoint, {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      description: 'Full address for traces, instead of the base address and `/v1/traces`.',
      example: 'http://localhost:4318/v1/traces',
      secrecy: 'url',
    }),
    protocol: withDefault(protocol, 'http/protobuf', {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_PROTOCOL',
      description: 'Encoding of exports.',
      example: 'http/json',
    }),
    tracesProtocol: optional(protocol, {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
      description: 'Encoding of exported traces, if other than the general one.',
      example: 'http/json',
    }),
    headers: optional(pairs, {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_HEADERS',
      description: 'Headers of exports, e.g. for the API key of a tracing service.',
      example: 'x-api-key=abc',
      secrecy: 'secret',
    }),
    exportTimeoutMs: withDefault(integer(1, 600_000, 'ms'), 10_000, {
      ...SHARED,
      variable: 'OTEL_EXPORTER_OTLP_TIMEOUT',
      description: 'Longest wait for the collector.',
      example: '10000',
    }),
    sampler: withDefault(
      choice([
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ]),
      'parentbased_always_on',
      {
        ...SHARED,
        variable: 'OTEL_TRACES_SAMPLER',
        description: 'Which traces are recorded.',
        example: 'parentbased_traceidratio',
      },
    ),
    samplerRatio: withDefault(decimal(0, 1), 1, {
      ...SHARED,
      variable: 'OTEL_TRACES_SAMPLER_ARG',
      description: 'Share of traces that the ratio samplers record.',
      example: '0.01',
    }),
    scheduleDelayMs: withDefault(integer(1, 600_000, 'ms'), 5000, {
      ...SHARED,
      variable: 'OTEL_BSP_SCHEDULE_DELAY',
      description: 'Spans are exported at least this often.',
      example: '1000',
    }),
    maxQueueSize: withDefault(integer(1, 1_000_000, 'spans'), 2048, {
      ...SHARED,
      variable: 'OTEL_BSP_MAX_QUEUE_SIZE',
      description: 'Most spans that wait for export; further ones are dropped.',
      example: '2048',
    }),
    maxExportBatchSize: withDefault(integer(1, 100_000, 'spans'), 512, {
      ...SHARED,
      variable: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      description: 'Most spans in one export.',
      example: '512',
    }),
  },
});
