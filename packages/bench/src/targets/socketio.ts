/** Socket.IO with the Redis streams adapter: two server processes and a Redis of its own with the same settings. */
import { fileURLToPath } from 'node:url';
import { freePort, type ServerProcess, startProcess, startRedis } from '@carillon/testing';
import { usageOf } from '../measure/process-usage.ts';
import { SERVER_NODE_OPTIONS, type Target } from './target.ts';

const SERVER = fileURLToPath(new URL('../peers/socketio-server.ts', import.meta.url));

const NODES = 2;

export interface SocketIoOptions {
  /** Connection state recovery; it costs something in every packet, so it is off where it isn't asked for. */
  readonly recovery?: boolean;
}

export async function startSocketIo(options: SocketIoOptions = {}): Promise<Target> {
  const { recovery = false } = options;
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'everysec' } });
  const starting = Array.from({ length: NODES }, (_, i) => startNode(`node-${i + 1}`, redis.url, recovery));
  const stop = async (): Promise<void> => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((one) => one.status === 'fulfilled' && one.value.process.stop()));
    await redis.stop();
  };
  const nodes = await Promise.all(starting).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const redisUsage = redis.pid === undefined ? [] : [() => usageOf('redis', redis.pid!)];
  return {
    name: 'socketio',
    dialect: 'socketio',
    token: '',
    tokens: async (clients) => Array.from({ length: clients }, () => ''),
    ports: nodes.map(({ port }) => port),
    nodes: nodes.map(({ name }) => name),
    usage: () =>
      Promise.all([
        ...nodes.map((node) => usageOf(node.name, node.process.pid)),
        ...redisUsage.map((read) => read()),
      ]),
    stop,
  };
}

async function startNode(
  name: string,
  redisUrl: string,
  recovery: boolean,
): Promise<{ name: string; port: number; process: ServerProcess }> {
  const port = await freePort();
  const process = await startProcess({
    command: globalThis.process.execPath,
    args: [...SERVER_NODE_OPTIONS, SERVER, String(port), redisUrl, ...(recovery ? ['recovery'] : [])],
    readyPattern: /listening/,
  });
  return { name, port, process };
}
