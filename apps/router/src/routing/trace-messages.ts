import type { RoutedMessage } from '@carillon/broker';
import { traceOfRecord } from '@carillon/protocol';
import type { SpanHandle, Spans } from '@carillon/telemetry';

/** A span for each message of a batch whose trace is sampled. */
export function startSpans(messages: readonly RoutedMessage[], spans: Spans): readonly SpanHandle[] {
  if (!spans.enabled) return [];
  return messages.flatMap(({ channel, seq, record }) => {
    const parent = traceOfRecord(record);
    if (parent === undefined) return [];
    const attributes = { 'carillon.channel': channel, 'carillon.seq': seq };
    return [spans.startChild('router.route', parent, { kind: 'consumer', attributes })];
  });
}

export function endSpans(spans: readonly SpanHandle[], error?: unknown): void {
  for (const span of spans) {
    if (error !== undefined) span.fail(error);
    span.end();
  }
}
