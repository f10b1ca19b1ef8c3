/** The protocol peer behind a real WebSocket server. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF } from '@carillon/protocol';
import { WebSocketServer } from 'ws';
import { incoming, outgoing } from './peer-wire.suite.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';

export interface SocketServer {
  readonly url: string;
  readonly peer: ProtocolPeer;
  /** Kills every connection without a close frame. */
  terminateAll(): void;
  stop(): Promise<void>;
}

/** Speaks protobuf with those who offer it, unless it is a server that doesn't know it. */
export async function startSocketServer(port = 0, knows = [SUBPROTOCOL_PROTOBUF]): Promise<SocketServer> {
  const peer = new ProtocolPeer();
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    handleProtocols: (offered) => knows.find((known) => offered.has(known)) ?? SUBPROTOCOL_JSON,
  });
  server.on('connection', (socket) => {
    const connection = peer.connection({
      send: (text) => socket.send(outgoing(socket.protocol, text)),
      close: (code, reason) => socket.close(code, reason),
    });
    socket.on('message', (data) => connection.receive(incoming(socket.protocol, data as Buffer)));
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
