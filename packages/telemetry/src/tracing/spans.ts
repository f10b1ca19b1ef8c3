import type { Attributes } from '@opentelemetry/api';

/** Parent, kind and attributes of a span. */
export interface SpanOptions {
  /** W3C traceparent of the cause; absent: the span may begin a trace. */
  readonly parent?: string | undefined;
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** Traceparents of further causes, e.g. the messages of a batch. */
  readonly links?: readonly string[];
  /** When it began, in milliseconds since 1970, if that was earlier than now. */
  readonly startMs?: number;
  /** Record it whatever the sampler says: channels flagged for tracing, losses. */
  readonly force?: boolean;
}

/** A span under way, or nothing at all when the trace isn't sampled. */
export interface SpanHandle {
  /** To be handed on; `undefined` when not sampled. */
  readonly traceparent: string | undefined;
  set(attributes: Attributes): void;
  /** Marks the span as failed. It still has to be ended. */
  fail(error: unknown): void;
  end(): void;
}

export interface Spans {
  /** `false`: no exporter, all spans are the shared nothing. */
  readonly enabled: boolean;
  /**
   * A span that may begin a trace: for what comes from outside. Costs a comparison and no allocation when it isn't
   * sampled.
   */
  startSpan(name: string, options?: SpanOptions): SpanHandle;
  /**
   * A span of a trace that is under way, e.g. a hop of a message: without a sampled parent it is nothing, and never
   * begins a trace of its own.
   */
  startChild(name: string, parent: string | undefined, options?: Omit<SpanOptions, 'parent'>): SpanHandle;
}

export const NO_SPAN: SpanHandle = Object.freeze({
  traceparent: undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
});

export const NO_SPANS: Spans = { enabled: false, startSpan: () => NO_SPAN, startChild: () => NO_SPAN };
