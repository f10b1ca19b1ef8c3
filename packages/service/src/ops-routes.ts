import { metricsJson, PROMETHEUS_CONTENT_TYPE, prometheusText, type Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Health } from './health.ts';

/** `/health`, `/ready`, `/metrics`, `/metrics.json`: the same on every service, without authentication. */
export function registerOpsRoutes(server: FastifyInstance, telemetry: Telemetry, health: Health): void {
  const identity = { service: telemetry.service, instance: telemetry.instanceId, version: telemetry.version };
  server.get('/health', async () => ({
    status: 'ok',
    ...identity,
    uptimeSeconds: Math.round(process.uptime()),
  }));
  server.get('/ready', async (_request, reply) => {
    const { ready, checks } = await health.report();
    return await reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready', ...identity, checks });
  });
  server.get('/metrics', async (request, reply) => {
    if (request.headers.accept?.includes('application/json') === true) return metricsJson(telemetry.metrics);
    return await reply.type(PROMETHEUS_CONTENT_TYPE).send(prometheusText(telemetry.metrics));
  });
  server.get('/metrics.json', async () => metricsJson(telemetry.metrics));
}
