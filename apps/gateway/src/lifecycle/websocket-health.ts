import type { Broker } from '@carillon/broker';
import type { FastifyInstance } from 'fastify';
import type { Channels } from '../channels/channels.ts';
import type { Connections } from '../session/connections.ts';

/** `/health/websocket`: how many clients, and whether the broker behind them is there. Nobody connected is `idle`, not a fault. */
export function registerWebSocketHealth(
  server: FastifyInstance,
  broker: Broker,
  connections: Connections,
  channels: Channels,
): void {
  server.get('/health/websocket', async (_request, reply) => {
    const { kind, ready, problems } = await broker.status();
    const status = !ready ? 'unavailable' : connections.size === 0 ? 'idle' : 'active';
    return await reply.code(ready ? 200 : 503).send({
      status,
      stats: {
        totalConnections: connections.size,
        uniqueUsers: connections.uniqueUsers(),
        channels: channels.size,
        redisAdapter: kind === 'redis',
        uptime: Math.round(process.uptime()),
      },
      redis: {
        status: kind === 'memory' ? 'not used' : ready ? 'ready' : 'not ready',
        healthy: ready,
        ...(problems.length === 0 ? {} : { problems }),
      },
    });
  });
}
