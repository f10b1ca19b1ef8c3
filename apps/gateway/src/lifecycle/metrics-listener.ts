import { createHttpServer, listening, registerHealthRoutes, type ServiceShell } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import type { GatewayConfig } from '../config.ts';

/** The server for what clients don't need to see, when it has a port of its own. It listens first and stops last. */
export function addMetricsListener(
  shell: ServiceShell,
  telemetry: Telemetry,
  { edge: { metrics }, listener }: Pick<GatewayConfig, 'edge' | 'listener'>,
): FastifyInstance | undefined {
  if (metrics === undefined) return undefined;
  const server = createHttpServer(telemetry);
  registerHealthRoutes(server, telemetry, shell.health);
  shell.add(listening(server, { host: metrics.host ?? listener.host, port: metrics.port }));
  return server;
}
