/** V1: one trace from the publish to the socket writes on both gateways and the insert, and one through a job. */
import { randomBytes } from 'node:crypto';
import type { RealtimeClient } from '@carillon/client';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, type Cluster, startCluster } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { connectClient, startSubscriber } from './people.ts';

const CHANNEL = 'traced:a';

describe('traces', () => {
  let receiver: OtlpReceiver;
  let cluster: Cluster;
  const clients: RealtimeClient[] = [];

  const spansOf = async (traceId: string, ready: (spans: readonly ReceivedSpan[]) => boolean) => {
    const ofTrace = (spans: readonly ReceivedSpan[]) => spans.filter((span) => span.traceId === traceId);
    return ofTrace(await receiver.waitForSpans((spans) => ready(ofTrace(spans))));
  };
  const names = (spans: readonly ReceivedSpan[]): readonly string[] =>
    spans.map(({ service, name }) => `${service}: ${name}`).toSorted();

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    cluster = await startCluster({
      admin: true,
      routers: 1,
      env: {
        // The routed lane, as soon as both gateways want the channel.
        CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    });
  }, 180_000);

  afterAll(async () => {
    for (const client of clients) client.close();
    await cluster?.stop();
    await receiver?.stop();
  });

  it('[V1] carries one trace id through gateway, router, both gateways and persistence', async () => {
    const ports = cluster.gateways.map(({ port }) => port);
    for (const port of ports) clients.push(await startSubscriber(`s-${port}`, port, [CHANNEL], new Ledger()));
    const publisher = await connectClient('publisher', ports[0]!);
    clients.push(publisher);
    const traceId = randomBytes(16).toString('hex');
    const caller = randomBytes(8).toString('hex');
    await publisher.publish(CHANNEL, { n: 1 }, { trace: `00-${traceId}-${caller}-01` });

    const spans = await spansOf(traceId, (found) => found.length >= 5);
    expect(names(spans)).toEqual([
      'carillon-gateway: gateway.deliver',
      'carillon-gateway: gateway.deliver',
      'carillon-gateway: gateway.publish',
      'carillon-persistence: persistence.insert',
      'carillon-router: router.route',
    ]);
    const publish = spans.find(({ name }) => name === 'gateway.publish')!;
    expect(publish.parentSpanId).toBe(caller);
    for (const { name, parentSpanId } of spans)
      if (name !== 'gateway.publish') expect([name, parentSpanId]).toEqual([name, publish.spanId]);
  });

  it('[V1] carries one trace id from a request to admin through BullMQ to the job in persistence', async () => {
    const traceId = randomBytes(16).toString('hex');
    const answer = await fetch(`http://127.0.0.1:${cluster.admin!.port}/v1/retention/run`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_TOKEN}`,
        traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      },
    });
    expect(answer.status).toBe(202);
    const spans = await spansOf(traceId, (found) => found.length >= 3);
    expect(names(spans)).toEqual([
      'carillon-admin: admin.retention_run',
      'carillon-admin: jobs.enqueue retention',
      'carillon-persistence: jobs.process retention',
    ]);
  });
});
