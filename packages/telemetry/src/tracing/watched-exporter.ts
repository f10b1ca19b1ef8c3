import type { SpanExporter } from '@opentelemetry/sdk-trace';

/** OpenTelemetry's ExportResultCode. */
const SUCCESS = 0;

/**
 * Tells of failed exports, which OpenTelemetry itself would only tell to a process-wide diagnostics logger. To the
 * processor each export succeeds: it could do nothing but fail its shutdown.
 */
export function watchedExporter(
  exporter: SpanExporter,
  onFailure: (error: Error | undefined, spans: number) => void,
): SpanExporter {
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        if (result.code !== SUCCESS) onFailure(result.error, spans.length);
        done({ code: SUCCESS });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => {
      await exporter.forceFlush?.();
    },
  };
}
