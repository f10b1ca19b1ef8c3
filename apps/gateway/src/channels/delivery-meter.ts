import type { ChannelKey } from '@carillon/broker';
import { traceOfRecord } from '@carillon/protocol';
import { type Counter, type Histogram, METRICS, type SpanHandle, type Telemetry } from '@carillon/telemetry';

const TIMESTAMP = '"timestamp":';

/** Counts and times deliveries, and makes the spans of sampled messages. A few additions per message when nothing is sampled. */
export class DeliveryMeter {
  readonly duplicates: Counter;
  readonly healed: Counter;
  readonly gapsTold: Counter;
  readonly #nowMs: () => number;
  readonly #messages: Counter;
  readonly #bytes: Counter;
  readonly #latency: Histogram;
  readonly #telemetry: Telemetry;
  #openSpans: SpanHandle[] = [];

  /** @param nowMs the clock that messages are stamped with */
  constructor(nowMs: () => number, telemetry: Telemetry) {
    this.#nowMs = nowMs;
    const { metrics } = telemetry;
    this.#telemetry = telemetry;
    this.duplicates = metrics.counter(METRICS.duplicatesDropped);
    this.healed = metrics.counter(METRICS.gapsHealed);
    this.gapsTold = metrics.counter(METRICS.gapsTold);
    this.#messages = metrics.counter(METRICS.messagesOut);
    this.#bytes = metrics.counter(METRICS.bytesOut);
    this.#latency = metrics.histogram(METRICS.deliveryLatency);
  }

  /** A message is about to be written to `subscribers` clients. */
  delivering(channel: ChannelKey, record: string, subscribers: number): void {
    this.#messages.add(subscribers);
    const at = record.indexOf(TIMESTAMP);
    if (at > 0)
      this.#latency.observe(
        Math.max(
          0,
          this.#nowMs() -
            Number.parseInt(record.slice(at + TIMESTAMP.length, at + TIMESTAMP.length + 13), 10),
        ) / 1000,
      );
    const trace = this.#telemetry.spans.enabled ? traceOfRecord(record) : undefined;
    if (trace !== undefined) this.#startSpan(channel, trace, subscribers);
  }

  /** Counts a message delivered to `subscribers` clients. Where they use both encodings, `bytes` is its size in JSON. */
  delivered(subscribers: number, bytes: number): void {
    this.#bytes.add(subscribers * bytes);
  }

  #startSpan(channel: ChannelKey, parent: string, subscribers: number): void {
    const span = this.#telemetry.spans.startChild('gateway.deliver', parent, {
      kind: 'consumer',
      attributes: { 'carillon.channel': channel, 'carillon.subscribers': subscribers },
    });
    this.#openSpans.push(span);
    // Sockets are written at the end of this turn, when many are, up to a few milliseconds later; the span ends with the turn.
    if (this.#openSpans.length === 1) setImmediate(() => setImmediate(() => this.#endSpans()));
  }

  #endSpans(): void {
    const spans = this.#openSpans;
    this.#openSpans = [];
    for (const span of spans) span.end();
  }
}
