import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { NEGOTIATION } from '../egress/compression.ts';
import { UpgradeFastPath } from './upgrade-fast-path.ts';
import { readUpgradeHead, type UpgradeRequest } from './upgrade-head.ts';

/**
 * Memory beside the bytes themselves: each fragment of a message takes some 140 bytes, each chunk of a frame that waits for the rest
 * some 300, however small they are. Allowed are as many as a client has that sends 1 KiB a fragment, and 256 bytes a segment.
 */
const MIN_FRAGMENTS = 256;
const MIN_FRAGMENT_BYTES = 1024;
const MIN_CHUNKS = 512;
const MIN_CHUNK_BYTES = 256;

/** Is the request one that may become a WebSocket? Node's HTTP server asks before it lets go of a request. */
export type ShouldUpgrade = (request: IncomingMessage) => boolean;

export interface WebSocketUpgradeOptions {
  readonly path: string;
  /** Bytes, of what was inflated, too; a larger message closes the connection with 1009. */
  readonly maxPayloadBytes: number;
  readonly compresses: boolean;
  readonly chooseSubprotocol: (offered: Set<string>) => string | false;
  /** `false`: the HTTP route of the same path answers. */
  readonly admits: (request: UpgradeRequest, socket: Duplex) => boolean;
  readonly onOpen: (webSocket: WebSocket, request: UpgradeRequest, socket: Duplex) => void;
}

/**
 * Turns requests into WebSockets before the HTTP framework sees them: its request, its reply and what hangs on them would live as long
 * as the connection, and cost more memory than all the rest of it. Whatever doesn't become a WebSocket is answered as any other request,
 * with its body: an `Upgrade: h2c` that nobody follows must not take it away.
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
      maxFragments: Math.max(MIN_FRAGMENTS, Math.ceil(options.maxPayloadBytes / MIN_FRAGMENT_BYTES)),
      maxBufferedChunks: Math.max(MIN_CHUNKS, Math.ceil(options.maxPayloadBytes / MIN_CHUNK_BYTES)),
      handleProtocols: options.chooseSubprotocol,
    });
  }

  /** The server has to ask `shouldUpgrade`. */
  listen(server: FastifyInstance): void {
    const firstBytes = new UpgradeFastPath(server.server, (socket, chunk) => {
      const head = readUpgradeHead(chunk);
      if (head === undefined) return false;
      const request = head.request as IncomingMessage; // method, address and headers are all that is read of it
      if (!this.#takes(request, socket)) return false;
      this.#upgrade(request, socket, chunk.subarray(head.endsAt));
      return true;
    });
    server.addHook('preClose', async () => firstBytes.stop());
    server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  readonly shouldUpgrade: ShouldUpgrade = (request) => this.#takes(request, request.socket);

  #takes(request: UpgradeRequest, socket: Duplex): boolean {
    return isFor(request, this.#options.path) && this.#options.admits(request, socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#options.onOpen(webSocket, request, socket),
    );
  }
}

function isFor({ method, url = '', headers }: UpgradeRequest, path: string): boolean {
  const isPath = url.startsWith(path) && (url.length === path.length || url[path.length] === '?');
  return isPath && method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}
