import { metricsJson, PROMETHEUS_CONTENT_TYPE, prometheusText, type Telemetry } from '@carillon/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Health } from './health.ts';

/**
 * `/health` (must the process be restarted?), `/ready` (may it be given traffic, and if not, why?), `/metrics`,
 * `/metrics.json`: the same on every service, without authentication.
 */
export function registerOpsRoutes(server: FastifyInstance, telemetry: Telemetry, health: Health): void {
  registerHealthRoutes(server, telemetry, health);
  registerMetricsRoutes(server, telemetry);
}

export function registerHealthRoutes(server: FastifyInstance, telemetry: Telemetry, health: Health): void {
  const { service, instanceId, version } = telemetry;
  const identity = () => ({
    service,
    instance: instanceId,
    version,
    uptimeSeconds: Math.round(process.uptime()),
  });
  server.get('/health', async (_request, reply) => {
    const { live, checks } = await health.liveness();
    return answer(reply, live, { status: live ? 'ok' : 'failed', ...identity(), checks });
  });
  server.get('/ready', async (_request, reply) => {
    const { ready, degraded, checks } = await health.report();
    const status = !ready ? 'not ready' : degraded ? 'degraded' : 'ready';
    return answer(reply, ready, { status, ...identity(), checks });
  });
}

export function registerMetricsRoutes(server: FastifyInstance, { metrics }: Telemetry): void {
  const text = kept(() => prometheusText(metrics));
  const json = kept(() => JSON.stringify(metricsJson(metrics)));
  server.get('/metrics', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (request.headers.accept?.includes('application/json') === true)
      return await reply.type('application/json; charset=utf-8').send(json());
    return await reply.type(PROMETHEUS_CONTENT_TYPE).send(text());
  });
  server.get('/metrics.json', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return await reply.type('application/json; charset=utf-8').send(json());
  });
}

/** Made at most once in so long: it takes milliseconds, and anybody may ask for it. */
const METRICS_KEPT_MS = 1000;

function kept(make: () => string): () => string {
  let made: string | undefined;
  let madeAtMs = 0;
  return () => {
    const nowMs = performance.now();
    if (made === undefined || nowMs - madeAtMs >= METRICS_KEPT_MS) {
      made = make();
      madeAtMs = nowMs;
    }
    return made;
  };
}

/** A proxy that keeps an answer would report a state of the past. */
function answer(reply: FastifyReply, good: boolean, body: object): FastifyReply {
  return reply
    .code(good ? 200 : 503)
    .header('cache-control', 'no-store')
    .send(body);
}
