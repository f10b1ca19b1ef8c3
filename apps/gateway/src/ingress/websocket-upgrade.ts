import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { NEGOTIATION } from '../egress/compression.ts';
import { FirstBytes } from './first-bytes.ts';
import { readUpgradeHead, type UpgradeRequest } from './upgrade-head.ts';

export interface WebSocketUpgradeOptions {
  readonly path: string;
  /** Bytes, of what was inflated, too; a larger message closes the connection with 1009. */
  readonly maxPayloadBytes: number;
  readonly compresses: boolean;
  readonly chooseSubprotocol: (offered: Set<string>) => string | false;
  /** `false`: the HTTP route of the same path answers. */
  readonly admits: (request: UpgradeRequest) => boolean;
  readonly onOpen: (webSocket: WebSocket, request: UpgradeRequest) => void;
}

/**
 * Turns requests into WebSockets before the HTTP framework sees them: its request, its reply and what hangs on them would live as long
 * as the connection, and cost more memory than all the rest of it. Whatever doesn't become a WebSocket is answered as any other request.
 */
export class WebSocketUpgrade {
  readonly #options: WebSocketUpgradeOptions;
  readonly #webSockets: WebSocketServer;

  constructor(options: WebSocketUpgradeOptions) {
    this.#options = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: options.compresses ? NEGOTIATION : false,
      maxPayload: options.maxPayloadBytes,
      handleProtocols: options.chooseSubprotocol,
    });
  }

  listen(server: FastifyInstance): void {
    const firstBytes = new FirstBytes(server.server, (socket, chunk) => {
      const head = readUpgradeHead(chunk);
      if (head === undefined) return false;
      const request = head.request as IncomingMessage; // method, address and headers are all that is read of it
      return this.#upgrade(request, socket, chunk.subarray(head.endsAt));
    });
    server.addHook('preClose', async () => firstBytes.stop());
    server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (!this.#upgrade(request, socket, head)) answer(server, request, socket);
    });
  }

  /** `false`: it becomes none, nothing was done with it. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const { path, admits, onOpen } = this.#options;
    if (!isFor(request, path) || !admits(request)) return false;
    this.#webSockets.handleUpgrade(request, socket, head, onOpen);
    return true;
  }
}

function isFor({ url = '', headers }: UpgradeRequest, path: string): boolean {
  const isPath = url.startsWith(path) && (url.length === path.length || url[path.length] === '?');
  return isPath && headers.upgrade?.toLowerCase() === 'websocket';
}

/** As the framework would have answered without the wish to upgrade; Node has let go of the socket, so it is closed afterwards. */
function answer(server: FastifyInstance, request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  response.on('finish', () => socket.end(() => socket.destroy()));
  server.routing(request, response);
}
