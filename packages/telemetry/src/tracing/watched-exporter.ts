import type { SpanExporter } from '@opentelemetry/sdk-trace';

/** OpenTelemetry's ExportResultCode. */
const SUCCESS = 0;

/** An exporter, and how to be rid of it with its connections. */
export interface DisposableExporter {
  readonly exporter: SpanExporter;
  readonly dispose: () => void;
}

export interface WatchedExporterOptions {
  readonly create: () => DisposableExporter;
  /** Time for one export. */
  readonly timeoutMs: number;
  readonly onFailure: (error: Error | undefined, spans: number) => void;
}

/**
 * Tells of failed exports, which OpenTelemetry itself would only tell to a process-wide diagnostics logger. To the
 * processor each export succeeds: it could do nothing but fail its shutdown.
 *
 * An export ends after `timeoutMs` whatever the collector does: OpenTelemetry's own one never does when the answer is `101`, or has headers
 * without an end, and 30 of them stop the exporter for good. So an exporter that is late is replaced.
 */
export function watchedExporter({ create, timeoutMs, onFailure }: WatchedExporterOptions): SpanExporter {
  let current = create();
  return {
    export: (spans, done) => {
      const used = current;
      let ended = false;
      const end = (error: Error | undefined, failed: boolean): void => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        if (failed) onFailure(error, spans.length);
        done({ code: SUCCESS });
      };
      const timer = setTimeout(() => {
        used.dispose();
        if (current === used) current = create();
        end(new Error(`no answer within ${timeoutMs} ms`), true);
      }, timeoutMs);
      used.exporter.export(spans, ({ code, error }) => end(error, code !== SUCCESS));
    },
    shutdown: () => current.exporter.shutdown(),
    forceFlush: async () => {
      await current.exporter.forceFlush?.();
    },
  };
}
