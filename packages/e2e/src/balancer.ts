import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const LOOK_EVERY_MS = 100;

export interface Balancer {
  readonly port: number;
  stop(): Promise<void>;
}

/** As a load balancer in front of gateways: new connections go to those whose `/ready` is 200, in turns; present ones are let be. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  let ready: readonly number[] = ports;
  let turn = 0;
  const sockets = new Set<Socket>();
  const look = async (): Promise<void> => {
    const answers = await Promise.all(ports.map(isReady));
    ready = ports.filter((_, i) => answers[i]);
  };
  const server = createServer((client) => {
    const port = ready[turn++ % Math.max(1, ready.length)];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const gateway = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroySoon();
      });
      from.pipe(to);
    }
  });
  await look();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/ready`);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
