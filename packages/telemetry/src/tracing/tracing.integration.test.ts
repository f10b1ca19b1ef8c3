import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HOSTILE_ANSWER_NAMES, startHostilePeer } from '@carillon/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { metricsJson } from '../metrics/exposition.ts';
import { createTelemetry, type Telemetry } from '../telemetry.ts';
import type { OtelOptions } from './otel-options.ts';
import { startOtlpReceiver } from './otlp-receiver.suite.ts';
import { isTraceparent, traceIdOf } from './traceparent.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED_PARENT = `${PARENT.slice(0, -1)}0`;

const OTEL: OtelOptions = {
  disabled: false,
  serviceName: undefined,
  resourceAttributes: undefined,
  tracesExporter: 'otlp',
  endpoint: undefined,
  tracesEndpoint: undefined,
  protocol: 'http/json',
  tracesProtocol: undefined,
  headers: undefined,
  exportTimeoutMs: 10_000,
  sampler: 'parentbased_always_on',
  samplerRatio: 1,
  scheduleDelayMs: 60_000,
  maxQueueSize: 2048,
  maxExportBatchSize: 512,
};

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function collector(status?: number) {
  const receiver = await startOtlpReceiver(status);
  undo.push(receiver.stop);
  return receiver;
}

function telemetryOf(service: string, otel: Partial<OtelOptions>) {
  const lines: string[] = [];
  const telemetry: Telemetry = createTelemetry({
    service,
    instanceId: `${service}-1`,
    version: '1.2.3',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: (line) => lines.push(line) },
    otel: { ...OTEL, ...otel },
    processMetrics: false,
  });
  return { ...telemetry, lines };
}

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly attributes: unknown;
  readonly links?: readonly { readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

interface OtlpExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** Of so many exports. A shutdown doesn't wait for a collector that is slow to answer. */
async function exported(received: readonly unknown[], count = 1): Promise<void> {
  await expect.poll(() => received.length).toBe(count);
}

const exportOf = (body: Buffer): OtlpExport => JSON.parse(body.toString()) as OtlpExport;
const spansOf = (body: Buffer): readonly OtlpSpan[] =>
  exportOf(body).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

describe('spans', () => {
  it('of two services in one process make one trace, each under its own name', async () => {
    const { received, url } = await collector();
    const gateway = telemetryOf('gateway', { endpoint: url });
    const persistence = telemetryOf('persistence', { endpoint: `${url}/` });
    const publish = gateway.spans.startSpan('publish', { kind: 'server', attributes: { channel: 'a' } });
    expect(isTraceparent(publish.traceparent)).toBe(true);
    const store = persistence.spans.startChild('store', publish.traceparent, { links: [PARENT] });
    store.fail(new Error('postgres://u:pass@db is away'));
    store.end();
    publish.end();
    await gateway.shutdown();
    await exported(received);
    await persistence.shutdown();
    await exported(received, 2);

    expect(received.map(({ path }) => path)).toEqual(['/v1/traces', '/v1/traces']);
    const [first, second] = received.map(({ body }) => spansOf(body)[0]!);
    expect(first).toMatchObject({ name: 'publish', kind: 2, traceId: traceIdOf(publish.traceparent!) });
    expect(second).toMatchObject({
      name: 'store',
      traceId: first!.traceId,
      parentSpanId: first!.spanId,
      links: [{ spanId: 'b7ad6b7169203331' }],
      status: { code: 2, message: 'postgres://u:[redacted]@db is away' },
    });
    const resource = exportOf(received[1]!.body).resourceSpans[0]!.resource.attributes;
    expect(resource).toContainEqual({ key: 'service.name', value: { stringValue: 'carillon-persistence' } });
    expect(resource).toContainEqual({ key: 'service.version', value: { stringValue: '1.2.3' } });
  });

  it('go to the address, in the encoding, with the headers and attributes that OTEL_* ask for', async () => {
    const { received, url } = await collector();
    const { spans, shutdown } = telemetryOf('gateway', {
      endpoint: 'http://127.0.0.1:1',
      tracesEndpoint: `${url}/custom`,
      tracesProtocol: 'http/protobuf',
      headers: 'x-api-key=a%20b',
      resourceAttributes: 'deployment.environment=test',
      serviceName: 'chat-gateway',
    });
    const span = spans.startSpan('publish');
    span.end();
    await shutdown();
    await exported(received);
    expect(received).toHaveLength(1);
    const { path, headers, body } = received[0]!;
    expect(path).toBe('/custom');
    expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'x-api-key': 'a b' });
    expect(body.includes(Buffer.from(traceIdOf(span.traceparent!), 'hex'))).toBe(true);
    for (const text of ['chat-gateway', 'deployment.environment']) expect(body.includes(text)).toBe(true);
  });

  it('are nothing where the parent is not sampled or missing, unless forced', async () => {
    const { received, url } = await collector();
    const { spans, shutdown } = telemetryOf('router', { endpoint: url });
    const nothing = spans.startChild('a', undefined);
    expect(spans.startSpan('b', { parent: UNSAMPLED_PARENT })).toBe(nothing);
    expect(spans.startChild('c', UNSAMPLED_PARENT)).toBe(nothing);
    expect(nothing.traceparent).toBeUndefined();
    const forced = spans.startChild('loss', UNSAMPLED_PARENT, { force: true });
    expect(forced.traceparent?.endsWith('-01')).toBe(true);
    forced.end();
    nothing.end();
    await shutdown();
    await exported(received);
    expect(spansOf(received[0]!.body).map(({ name }) => name)).toEqual(['loss']);
  });

  it('that the collector refuses are counted and told, without its header values', async () => {
    const { url } = await collector(400);
    const { spans, shutdown, metrics, lines } = telemetryOf('gateway', {
      endpoint: url,
      headers: 'authorization=Bearer very-secret',
    });
    spans.startSpan('a').end();
    spans.startSpan('b').end();
    await shutdown();
    await expect.poll(() => metricsJson(metrics).carillon_spans_lost_total?.samples[0]?.value).toBe(2);
    // The log may say in addition that the shutdown did not wait.
    expect(lines.map((line) => JSON.parse(line)).filter(({ spans: lost }) => lost !== 0)).toMatchObject([
      { level: 'warn', spans: 2, msg: 'spans could not be exported' },
    ]);
    expect(lines.join()).not.toContain('very-secret');
  });

  it('do not keep a service from stopping when there is no collector', async () => {
    const { spans, shutdown } = telemetryOf('gateway', { endpoint: 'http://127.0.0.1:1' });
    spans.startSpan('a').end();
    await expect(shutdown()).resolves.toBeUndefined();
  });
});

describe('without an endpoint, or turned off', () => {
  it.each<[string, Partial<OtelOptions>]>([
    ['no endpoint', {}],
    ['OTEL_SDK_DISABLED', { disabled: true, endpoint: 'http://127.0.0.1:1' }],
    ['OTEL_TRACES_EXPORTER=none', { tracesExporter: 'none', endpoint: 'http://127.0.0.1:1' }],
  ])('%s: all spans are one nothing', async (_case, otel) => {
    const { spans, shutdown } = telemetryOf('gateway', otel);
    expect(spans.enabled).toBe(false);
    expect(spans.startSpan('a')).toBe(spans.startChild('b', PARENT));
    await shutdown();
  });

  it('OpenTelemetry is not even loaded', async () => {
    const script = `
      import { createRequire } from 'node:module';
      import { createTelemetry } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
      createTelemetry({ service: 's', instanceId: 'i', version: '1', levels: { level: 'info', modules: {} }, format: 'json' });
      const loaded = Object.keys(createRequire(import.meta.url).cache);
      process.stdout.write(JSON.stringify({ all: loaded.length, otel: loaded.filter((path) => path.includes('opentelemetry')) }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    const { all, otel } = JSON.parse(stdout) as { all: number; otel: string[] };
    expect(all, 'pino is in the same cache').toBeGreaterThan(0);
    expect(otel).toEqual([]);
  });
});

describe('an export ends in its time, whatever the collector does', () => {
  it.each(HOSTILE_ANSWER_NAMES)('%s', async (answer) => {
    const peer = await startHostilePeer(answer);
    undo.push(peer.stop);
    const { spans, lines, shutdown } = telemetryOf('gateway', {
      endpoint: peer.url,
      exportTimeoutMs: 50,
      scheduleDelayMs: 1,
      maxExportBatchSize: 1,
    });
    undo.push(shutdown);
    // More than OpenTelemetry has under way at a time.
    for (let i = 0; i < 32; i++) spans.startSpan('publish').end();
    await expect.poll(() => peer.requests, { timeout: 60_000 }).toBeGreaterThan(31);
    await expect.poll(() => lines.some((line) => line.includes('span'))).toBe(true);
    expect(lines.join('')).not.toContain('Concurrent export limit');
  });
});
