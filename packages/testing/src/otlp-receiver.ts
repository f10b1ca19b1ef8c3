import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, with OTEL_EXPORTER_OTLP_PROTOCOL=http/json. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Resolves with all spans as soon as `enough` holds. @throws Error after `timeoutMs` (default 30,000) with the names received. */
  waitForSpans(
    enough: (spans: readonly ReceivedSpan[]) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<readonly ReceivedSpan[]>;
  stop(): Promise<void>;
}

interface OtlpTraces {
  readonly resourceSpans?: readonly {
    readonly resource?: {
      readonly attributes?: readonly {
        readonly key: string;
        readonly value: { readonly stringValue?: string };
      }[];
    };
    readonly scopeSpans?: readonly {
      readonly spans?: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
      }[];
    }[];
  }[];
}

/** An OTLP/HTTP (JSON) receiver for traces. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => {
        if (request.url === '/v1/traces') spans.push(...spansOf(JSON.parse(body) as OtlpTraces));
        response.setHeader('content-type', 'application/json').end('{}');
        for (const check of waiting) check();
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    waitForSpans: (enough, { timeoutMs = 30_000 } = {}) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!enough(spans)) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve(spans);
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(
            new Error(
              `the spans waited for did not come; received: ${spans.map((span) => `${span.service}/${span.name}`).join(', ') || 'none'}`,
            ),
          );
        }, timeoutMs);
        waiting.add(check);
        check();
      }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function spansOf(traces: OtlpTraces): readonly ReceivedSpan[] {
  return (traces.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) => {
    const service = resource?.attributes?.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap((scope) =>
      (scope.spans ?? []).map(({ traceId, spanId, parentSpanId = '', name }) => ({
        traceId,
        spanId,
        parentSpanId,
        name,
        service,
      })),
    );
  });
}
