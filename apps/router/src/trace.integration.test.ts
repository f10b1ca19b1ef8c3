import { type ChannelKey, createMemoryBroker } from '@carillon/broker';
import { encodeRecord } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { startOtlpReceiver } from '@carillon/testing';
import { expect, it } from 'vitest';
import { createRouter } from './router.ts';
import { RecordingGateway } from './testing/gateway-feed.suite.ts';

const CHANNEL: ChannelKey = 'app/wide';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const KEEPING = { history: undefined, durable: false };

function otelTo(endpoint: string) {
  return {
    disabled: false,
    serviceName: undefined,
    resourceAttributes: undefined,
    tracesExporter: 'otlp',
    endpoint,
    tracesEndpoint: undefined,
    protocol: 'http/json',
    tracesProtocol: undefined,
    headers: undefined,
    exportTimeoutMs: 30_000,
    sampler: 'parentbased_always_on',
    samplerRatio: 1,
    scheduleDelayMs: 20,
    maxQueueSize: 2048,
    maxExportBatchSize: 512,
  } as const;
}

it('a routed message whose trace is sampled has a span under the publisher; others have none', async () => {
  const receiver = await startOtlpReceiver();
  const broker = createMemoryBroker({ partitions: 1, limits: { directLaneMaxGateways: 0 } });
  const telemetry = createTelemetry({
    service: 'router',
    instanceId: 'r-1',
    version: '0.0.0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    otel: otelTo(receiver.url),
    processMetrics: false,
  });
  const router = createRouter({
    broker,
    telemetry,
    directLaneMaxGateways: 0,
    leaseTtlMs: 1000,
    gatewayTimeoutMs: 1000,
    ownsBroker: true,
  });
  await router.start();
  const gateway = new RecordingGateway(broker, 'g1');
  await gateway.start();
  await gateway.subscribe([CHANNEL]);
  const traces = [undefined, `00-${TRACE_ID}-${PARENT_ID}-01`];
  await broker.publisher.publish(
    traces.map((trace, i) => {
      const record = encodeRecord({ id: `${i}`, timestamp: 1, ...(trace !== undefined && { trace }) }, '{}');
      return { channel: CHANNEL, id: `${i}`, record, keeping: KEEPING };
    }),
  );
  await gateway.until(CHANNEL, 2);
  await receiver.waitForSpans((spans) => spans.length > 0);
  await gateway.feed.stop();
  await router.stop();
  expect(receiver.spans).toMatchObject([
    { name: 'router.route', traceId: TRACE_ID, parentSpanId: PARENT_ID, service: 'carillon-router' },
  ]);
  await receiver.stop();
});
