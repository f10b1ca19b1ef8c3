import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createRequire } from 'node:module';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { type OtelOptions, pairsOf, tracesUrl } from './otel-options.ts';
import { createSpans } from './otel-spans.ts';
import { randomSpanId } from './random-ids.ts';
import { type Sampling, samplingOf } from './sampling.ts';
import { NO_SPANS, type Spans } from './spans.ts';
import { type DisposableExporter, watchedExporter } from './watched-exporter.ts';

/** The collector being away must not keep a service from stopping. */
const LONGEST_SHUTDOWN_MS = 2000;
const EXPORT_SLACK_MS = 250;

export interface Tracing extends Spans {
  /** Exports what is waiting and ends. Takes at most two seconds, never rejects. */
  shutdown(): Promise<void>;
}

export interface TracingIdentity {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
}

/** Told when spans could not be exported. */
export type OnExportFailure = (error: Error | undefined, spans: number) => void;

/** Loading OpenTelemetry takes longer than starting a gateway without it, so it is loaded only where it is used. */
const load = createRequire(import.meta.url);
const loadApi = () => load('@opentelemetry/api') as typeof import('@opentelemetry/api');
const loadSdk = () => load('@opentelemetry/sdk-trace') as typeof import('@opentelemetry/sdk-trace');
const loadResources = () => load('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
const loadJsonExporter = () =>
  load('@opentelemetry/exporter-trace-otlp-http') as typeof import('@opentelemetry/exporter-trace-otlp-http');
const loadProtobufExporter = () =>
  load(
    '@opentelemetry/exporter-trace-otlp-proto',
  ) as typeof import('@opentelemetry/exporter-trace-otlp-proto');

/** Each service has a provider of its own, nothing global: several services may share a process. */
export function createTracing(
  identity: TracingIdentity,
  otel: OtelOptions | undefined,
  onExportFailure: OnExportFailure,
): Tracing {
  const create = otel === undefined ? undefined : exporterOf(otel);
  if (otel === undefined || create === undefined) return { ...NO_SPANS, shutdown: async () => undefined };
  const sampling = samplingOf(otel.sampler, otel.samplerRatio);
  const exporter = watchedExporter({
    create,
    // A little later than the exporter's own, which tells more.
    timeoutMs: otel.exportTimeoutMs + EXPORT_SLACK_MS,
    onFailure: onExportFailure,
  });
  const provider = createProvider(identity, otel, sampling, exporter);
  const spans = createSpans(loadApi(), provider.getTracer('carillon', identity.version), sampling);
  return {
    ...spans,
    shutdown: async () => {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        onExportFailure(new Error(`no answer within ${LONGEST_SHUTDOWN_MS} ms at shutdown`), 0);
        resolve();
      }, LONGEST_SHUTDOWN_MS);
      const done = provider.shutdown().catch((error: unknown) => onExportFailure(error as Error, 0));
      await Promise.race([done, late]);
      clearTimeout(timer);
    },
  };
}

function createProvider(
  identity: TracingIdentity,
  otel: OtelOptions,
  sampling: Sampling,
  exporter: SpanExporter,
) {
  const { AlwaysOnSampler, TracerProvider } = loadSdk();
  return new TracerProvider({
    // Sampling is decided before a span is made, see createSpans.
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: sampling.nextTraceId, generateSpanId: randomSpanId },
    resource: loadResources().resourceFromAttributes({
      ...pairsOf(otel.resourceAttributes),
      'service.name': otel.serviceName ?? `carillon-${identity.service}`,
      'service.instance.id': identity.instanceId,
      'service.version': identity.version,
    }),
    spanProcessors: [createProcessor(otel, exporter)],
  });
}

function createProcessor(otel: OtelOptions, exporter: SpanExporter): SpanProcessor {
  const { BatchSpanProcessor } = loadSdk();
  return new BatchSpanProcessor({
    exporter,
    maxQueueSize: otel.maxQueueSize,
    maxExportBatchSize: Math.min(otel.maxExportBatchSize, otel.maxQueueSize),
    scheduledDelayMillis: otel.scheduleDelayMs,
    // Never the first to give up.
    exportTimeoutMillis: otel.exportTimeoutMs + 2 * EXPORT_SLACK_MS,
  });
}

/** `undefined`: spans are not exported. */
function exporterOf(otel: OtelOptions): (() => DisposableExporter) | undefined {
  if (otel.disabled || otel.tracesExporter === 'none') return undefined;
  if (otel.tracesExporter === 'console')
    return () => ({ exporter: new (loadSdk().ConsoleSpanExporter)(), dispose: () => undefined });
  const url = tracesUrl(otel);
  if (url === undefined) return undefined;
  const { OTLPTraceExporter } =
    (otel.tracesProtocol ?? otel.protocol) === 'http/json' ? loadJsonExporter() : loadProtobufExporter();
  return () => {
    const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true });
    const exporter = new OTLPTraceExporter({
      url,
      headers: pairsOf(otel.headers),
      timeoutMillis: otel.exportTimeoutMs,
      httpAgentOptions: () => agent,
    });
    return { exporter, dispose: () => agent.destroy() };
  };
}
