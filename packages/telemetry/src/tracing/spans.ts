import {
  type Attributes,
  context,
  type Exception,
  type Link,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { isSampled, traceIdOf } from './traceparent.ts';

/** What a span belongs to and says. */
export interface SpanOptions {
  /** W3C traceparent of the cause; absent: the span may begin a trace. */
  readonly parent?: string | undefined;
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** Traceparents of further causes, e.g. the messages of a batch. */
  readonly links?: readonly string[];
  /** When it began, in milliseconds since 1970, if that was earlier than now. */
  readonly startMs?: number;
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

/** Decides for a span without and with a parent. */
export interface Sampling {
  readonly root: (random: number) => boolean;
  readonly child: (parent: string) => boolean;
}

export interface Spans {
  /** `false`: no exporter, all spans are the shared nothing. */
  readonly enabled: boolean;
  /** Costs a comparison and no allocation when the span isn't sampled. */
  startSpan(name: string, options?: SpanOptions): SpanHandle;
}

const NOTHING: SpanHandle = Object.freeze({
  traceparent: undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
});

export const NO_SPANS: Spans = { enabled: false, startSpan: () => NOTHING };

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export function createSpans(tracer: Tracer, sampling: Sampling): Spans {
  return {
    enabled: true,
    startSpan: (name, options = {}) => {
      const { parent } = options;
      const wanted = parent === undefined ? sampling.root(Math.random()) : sampling.child(parent);
      return wanted ? start(tracer, name, options) : NOTHING;
    },
  };
}

function start(
  tracer: Tracer,
  name: string,
  { parent, kind = 'internal', attributes, links, startMs }: SpanOptions,
): SpanHandle {
  const under =
    parent === undefined ? context.active() : trace.setSpanContext(context.active(), spanContext(parent));
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      root: parent === undefined,
      ...(attributes === undefined ? {} : { attributes }),
      ...(links === undefined ? {} : { links: links.map((link): Link => ({ context: spanContext(link) })) }),
      ...(startMs === undefined ? {} : { startTime: startMs }),
    },
    under,
  );
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    set: (more) => {
      span.setAttributes(more);
    },
    fail: (error) => {
      span.recordException(error as Exception);
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: error instanceof Error ? error.message : String(error),
      });
    },
    end: () => span.end(),
  };
}

function spanContext(traceparent: string) {
  return {
    traceId: traceIdOf(traceparent),
    spanId: traceparent.slice(36, 52),
    traceFlags: isSampled(traceparent) ? 1 : 0,
    isRemote: true,
  };
}
