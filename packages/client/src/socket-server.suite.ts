/** The protocol peer behind a real WebSocket server. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { ProtocolPeer } from './protocol-peer.suite.ts';

export interface SocketServer {
  readonly url: string;
  readonly peer: ProtocolPeer;
  /** Kills every connection without a close frame. */
  terminateAll(): void;
  stop(): Promise<void>;
}

export async function startSocketServer(port = 0): Promise<SocketServer> {
  const peer = new ProtocolPeer();
  const server = new WebSocketServer({ host: '127.0.0.1', port, handleProtocols: () => 'carillon.v1.json' });
  server.on('connection', (socket) => {
    const connection = peer.connection({
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
    });
    socket.on('message', (data) => connection.receive(String(data)));
    socket.on('close', () => connection.closed());
  });
  await once(server, 'listening');
  const terminateAll = () => {
    for (const socket of server.clients) socket.terminate();
  };
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    peer,
    terminateAll,
    stop: () => {
      terminateAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
