/** Socket.IO with the Redis streams adapter: two server processes and a Redis of its own with the same settings. */
import { fileURLToPath } from 'node:url';
import { freePort, startProcess, startRedis } from '@carillon/testing';
import { usageOf } from '../measure/process-usage.ts';
import type { Target } from './target.ts';

const SERVER = fileURLToPath(new URL('../peers/socketio-server.ts', import.meta.url));
const NODES = 2;

export interface SocketIoOptions {
  /** Connection state recovery; it costs something in every packet, so it is off where it isn't asked for. */
  readonly recovery: boolean;
}

export async function startSocketIo({ recovery }: SocketIoOptions): Promise<Target> {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'everysec' } });
  const nodes = await Promise.all(
    Array.from({ length: NODES }, async (_, i) => {
      const port = await freePort();
      return {
        name: `node-${i + 1}`,
        port,
        process: await startProcess({
          command: process.execPath,
          args: [SERVER, String(port), redis.url, ...(recovery ? ['recovery'] : [])],
          readyPattern: /listening/,
        }),
      };
    }),
  );
  const redisUsage = redis.pid === undefined ? [] : [() => usageOf('redis', redis.pid!)];
  return {
    name: 'socketio',
    dialect: 'socketio',
    token: '',
    tokens: async (count) => Array.from({ length: count }, () => ''),
    ports: nodes.map(({ port }) => port),
    usage: () =>
      Promise.all([
        ...nodes.map((node) => usageOf(node.name, node.process.pid)),
        ...redisUsage.map((read) => read()),
      ]),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.process.stop()));
      await redis.stop();
    },
  };
}
