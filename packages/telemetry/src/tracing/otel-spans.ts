import type { Context, Link, Span, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import { scrub } from '../logging/scrub.ts';
import type { Sampling } from './sampling.ts';
import { NO_SPAN, type SpanHandle, type SpanOptions, type Spans } from './spans.ts';
import { isSampled, spanIdOf, traceIdOf } from './traceparent.ts';

export type OtelApi = Pick<
  typeof import('@opentelemetry/api'),
  'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'trace'
>;

/** Spans of a tracer; whether one is made at all is decided here, before anything is allocated. */
export function createSpans(api: OtelApi, tracer: Tracer, sampling: Sampling): Spans {
  const maker = new SpanMaker(api, tracer);
  return {
    enabled: true,
    startSpan: (name, options) => {
      const parent = options?.parent;
      const wanted = parent === undefined ? sampling.root() : sampling.child(parent);
      return wanted || options?.force === true ? maker.start(name, parent, options ?? {}) : NO_SPAN;
    },
    startChild: (name, parent, options) =>
      parent !== undefined && (sampling.child(parent) || options?.force === true)
        ? maker.start(name, parent, options ?? {})
        : NO_SPAN,
  };
}

class SpanMaker {
  readonly #api: OtelApi;
  readonly #tracer: Tracer;
  readonly #kinds: Readonly<Record<NonNullable<SpanOptions['kind']>, SpanKind>>;

  constructor(api: OtelApi, tracer: Tracer) {
    const { SpanKind: kinds } = api;
    this.#api = api;
    this.#tracer = tracer;
    this.#kinds = {
      internal: kinds.INTERNAL,
      server: kinds.SERVER,
      client: kinds.CLIENT,
      producer: kinds.PRODUCER,
      consumer: kinds.CONSUMER,
    };
  }

  start(name: string, parent: string | undefined, options: SpanOptions): SpanHandle {
    const { kind = 'internal', attributes, links, startMs } = options;
    const span = this.#tracer.startSpan(
      name,
      {
        kind: this.#kinds[kind],
        ...(attributes !== undefined && { attributes }),
        ...(links !== undefined && { links: links.map((link): Link => ({ context: spanContext(link) })) }),
        ...(startMs !== undefined && { startTime: startMs }),
      },
      this.#under(parent),
    );
    return new RecordedSpan(span, this.#api.SpanStatusCode.ERROR);
  }

  /** Never the active context: what belongs to what is said explicitly, and an application's own tracing isn't mixed in. */
  #under(parent: string | undefined): Context {
    const { ROOT_CONTEXT, trace } = this.#api;
    return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext(parent));
  }
}

class RecordedSpan implements SpanHandle {
  readonly traceparent: string;
  readonly #span: Span;
  readonly #errorCode: number;

  constructor(span: Span, errorCode: number) {
    const { traceId, spanId } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-01`;
    this.#span = span;
    this.#errorCode = errorCode;
  }

  set(attributes: Parameters<SpanHandle['set']>[0]): void {
    this.#span.setAttributes(attributes);
  }

  fail(error: unknown): void {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    const text = scrub(message);
    this.#span.recordException({ name, message: text, ...(stack !== undefined && { stack: scrub(stack) }) });
    this.#span.setStatus({ code: this.#errorCode, message: text });
  }

  end(): void {
    this.#span.end();
  }
}

function spanContext(traceparent: string): SpanContext {
  return {
    traceId: traceIdOf(traceparent),
    spanId: spanIdOf(traceparent),
    traceFlags: isSampled(traceparent) ? 1 : 0,
    isRemote: true,
  };
}
