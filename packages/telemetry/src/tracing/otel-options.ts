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
  /** 0..1 */
  readonly samplerRatio: number;
  readonly scheduleDelayMs: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

/** Where traces go; `undefined`: nowhere, tracing is off. */
export function tracesUrl({ endpoint, tracesEndpoint }: OtelOptions): string | undefined {
  if (tracesEndpoint !== undefined) return tracesEndpoint;
  return endpoint === undefined ? undefined : `${endpoint.replace(/\/$/, '')}/v1/traces`;
}

/** `a=1,b=2` with percent-encoded values, as the OpenTelemetry specification has it. What is no pair is left out. */
export function pairsOf(text: string | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (text ?? '').split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      return at <= 0 ? [] : [[pair.slice(0, at).trim(), percentDecoded(pair.slice(at + 1).trim())]];
    }),
  );
}

/** A lone percent sign is taken as it stands: a header that nobody encoded must not keep a service from starting. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
