import { fileURLToPath } from 'node:url';
import { freePort, startProcess } from '@carillon/testing';
import { usageOf } from '../measure/process-usage.ts';
import { SERVER_NODE_OPTIONS, type Target } from './target.ts';

const SERVER = fileURLToPath(new URL('../peers/ws-server.ts', import.meta.url));

/** The `ws` library without anything on top: what a connection costs at least in Node. */
export async function startBareWs(): Promise<Target> {
  const port = await freePort();
  const server = await startProcess({
    command: process.execPath,
    args: [...SERVER_NODE_OPTIONS, SERVER, String(port)],
    readyPattern: /listening/,
  });
  return {
    name: 'ws',
    dialect: 'ws',
    token: '',
    tokens: async (count) => Array.from({ length: count }, () => ''),
    ports: [port],
    nodes: ['ws'],
    usage: async () => [await usageOf('ws', server.pid)],
    stop: async () => {
      await server.stop();
    },
  };
}
