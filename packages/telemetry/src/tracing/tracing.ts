import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createSpans, NO_SPANS, type Sampling, type Spans } from './spans.ts';
import { isSampled, traceIdOf } from './traceparent.ts';

/** The standard OTEL_* variables as values; packages/config parses them. */
export interface OtelOptions {
  readonly disabled: boolean;
  readonly serviceName: string | undefined;
  readonly resourceAttributes: string | undefined;
  readonly tracesExporter: 'otlp' | 'console' | 'none';
  readonly endpoint: string | undefined;
  readonly tracesEndpoint: string | undefined;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly tracesProtocol: 'http/protobuf' | 'http/json' | undefined;
  readonly headers: string | undefined;
  readonly exportTimeoutMs: number;
  readonly sampler: string;
  readonly samplerRatio: number;
  readonly scheduleDelayMs: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

export interface Tracing extends Spans {
  /** Exports what is waiting and ends. */
  shutdown(): Promise<void>;
}

export interface TracingIdentity {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
}

/** Each service has a provider of its own, nothing global: several services may share a process. */
export function createTracing(identity: TracingIdentity, otel: OtelOptions | undefined): Tracing {
  const exporter = otel === undefined ? undefined : createExporter(otel);
  if (otel === undefined || exporter === undefined) return { ...NO_SPANS, shutdown: async () => undefined };
  const provider = new TracerProvider({
    // Sampling is decided before a span is made, see createSpans.
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({
      ...Object.fromEntries(pairsOf(otel.resourceAttributes)),
      'service.name': otel.serviceName ?? `carillon-${identity.service}`,
      'service.instance.id': identity.instanceId,
      'service.version': identity.version,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: otel.maxQueueSize,
        maxExportBatchSize: Math.min(otel.maxExportBatchSize, otel.maxQueueSize),
        scheduledDelayMillis: otel.scheduleDelayMs,
        exportTimeoutMillis: otel.exportTimeoutMs,
      }),
    ],
  });
  return {
    ...createSpans(provider.getTracer('carillon', identity.version), samplingOf(otel)),
    shutdown: () => provider.shutdown(),
  };
}

function createExporter(otel: OtelOptions): SpanExporter | undefined {
  if (otel.disabled || otel.tracesExporter === 'none') return undefined;
  if (otel.tracesExporter === 'console') return new ConsoleSpanExporter();
  const url =
    otel.tracesEndpoint ??
    (otel.endpoint === undefined ? undefined : `${otel.endpoint.replace(/\/$/, '')}/v1/traces`);
  if (url === undefined) return undefined;
  const options = {
    url,
    headers: Object.fromEntries(pairsOf(otel.headers)),
    timeoutMillis: otel.exportTimeoutMs,
  };
  return (otel.tracesProtocol ?? otel.protocol) === 'http/json'
    ? new JsonExporter(options)
    : new ProtobufExporter(options);
}

/** `a=1,b=2` with percent-encoded values, as the OpenTelemetry specification has it. */
function pairsOf(text: string | undefined): readonly (readonly [string, string])[] {
  return (text ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at <= 0
      ? []
      : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const];
  });
}

function samplingOf({ sampler, samplerRatio }: OtelOptions): Sampling {
  const roots: Record<string, Sampling['root']> = {
    always_on: () => true,
    always_off: () => false,
    traceidratio: (random) => random < samplerRatio,
  };
  const root = roots[sampler.replace('parentbased_', '')] ?? roots.always_on!;
  if (sampler.startsWith('parentbased_')) return { root, child: isSampled };
  // Without regard to the parent, but the same for all spans of a trace: from the trace id's lower 52 bits.
  return { root, child: (parent) => root(Number.parseInt(traceIdOf(parent).slice(-13), 16) / 2 ** 52) };
}
