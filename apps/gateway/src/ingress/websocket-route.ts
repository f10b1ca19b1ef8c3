import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { extractToken } from '@carillon/auth';
import { CarillonError, SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF } from '@carillon/protocol';
import { type Counter, type Family, type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import type { ClientSocket } from '../admission/address-group.ts';
import { type AdmissionCheck, firstRefusal } from '../admission/admission.ts';
import type { ClientSockets } from '../admission/client-sockets.ts';
import { BatchFrames } from '../egress/batch-frame.ts';
import { BatchWheel } from '../egress/batch-wheel.ts';
import type { Batching } from '../egress/batcher.ts';
import { Compression } from '../egress/compression.ts';
import { FlushScheduler } from '../egress/flush-scheduler.ts';
import { Connection } from '../session/connection.ts';
import type { Connections } from '../session/connections.ts';
import { Inbox } from '../session/inbox.ts';
import type { ServeFrame } from './serve-frame.ts';
import { turnAway } from './turn-away.ts';
import type { UpgradeRequest } from './upgrade-head.ts';
import { type ShouldUpgrade, WebSocketUpgrade } from './websocket-upgrade.ts';

export const WEBSOCKET_PATH = '/v1/ws';
/** A frame somewhat above the limit is answered with both sizes; one far above isn't read at all. */
const MAX_PAYLOAD_SLACK = 65_536;

export interface WebSocketRouteDependencies {
  readonly gateway: string;
  readonly connections: Connections;
  readonly serveFrame: ServeFrame;
  readonly sockets: ClientSockets;
  /** In their order, before the upgrade. */
  readonly admission: readonly AdmissionCheck[];
  readonly telemetry: Telemetry;
  /** `undefined`: off. */
  readonly compression: { readonly minBytes: number } | undefined;
  readonly limits: {
    readonly maxFrameBytes: number;
    readonly sendQueueMessages: number;
    readonly sendQueueBytes: number;
  };
}

const SUBPROTOCOLS: readonly string[] = [SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF];

/** [CN2] The first that is known, in the client's order; the token's subprotocol is never echoed. */
function chooseSubprotocol(offered: Set<string>): string | false {
  for (const subprotocol of offered) {
    // Ours, not theirs, which is a part of their header and keeps it in memory, token and all, as long as they are connected.
    const known = SUBPROTOCOLS.find((ours) => ours === subprotocol);
    if (known !== undefined) return known;
  }
  return false;
}

export class WebSocketRoute {
  readonly #deps: WebSocketRouteDependencies;
  readonly #opened: Family<Counter>;
  readonly #closed: Family<Counter>;
  readonly #logger: Logger;
  readonly #rounds = new FlushScheduler();
  readonly #batching: Batching = { wheel: new BatchWheel(), frames: new BatchFrames() };
  readonly #compression: Compression | undefined;
  readonly #refused = new WeakMap<Duplex, CarillonError>();
  #counter = 0;

  constructor(deps: WebSocketRouteDependencies) {
    this.#deps = deps;
    this.#compression = deps.compression && new Compression(deps.compression.minBytes);
    this.#opened = deps.telemetry.metrics.counters(METRICS.connectionsTotal);
    this.#logger = deps.telemetry.loggerOf('ingress');
    this.#closed = deps.telemetry.metrics.counters(METRICS.closesTotal);
  }

  /** Returns what the HTTP server has to ask about requests to upgrade. */
  register(server: FastifyInstance): ShouldUpgrade {
    const upgrade = new WebSocketUpgrade({
      path: WEBSOCKET_PATH,
      maxPayloadBytes: this.#deps.limits.maxFrameBytes + MAX_PAYLOAD_SLACK,
      compresses: this.#compression !== undefined,
      chooseSubprotocol,
      admits: (request, socket) => this.#admits(request, socket),
      onOpen: (webSocket, request, socket) => {
        const refusal = this.#refused.get(socket);
        if (refusal === undefined) this.#open(webSocket, request, this.#deps.sockets.of(socket as Socket));
        else turnAway(webSocket, refusal);
      },
    });
    upgrade.listen(server);
    server.route({
      method: 'GET',
      url: WEBSOCKET_PATH,
      handler: async ({ raw }, reply) => {
        // Refused before the upgrade, as a plain HTTP answer that says why.
        const refusal = raw.headers.upgrade === undefined ? undefined : this.#refusal(raw, raw.socket);
        if (refusal !== undefined) {
          this.#opened.labels(refusal.code).add();
          throw refusal;
        }
        reply.header('upgrade', 'websocket');
        throw new CarillonError('UPGRADE_REQUIRED');
      },
    });
    return upgrade.shouldUpgrade;
  }

  /** A page of another origin gets its refusal over the WebSocket: it can read no other. */
  #admits(request: UpgradeRequest, socket: Duplex): boolean {
    const refusal = this.#refusal(request, socket);
    if (refusal?.code !== 'ORIGIN_REFUSED') return refusal === undefined;
    this.#opened.labels(refusal.code).add();
    this.#refused.set(socket, refusal);
    return true;
  }

  /** The client's address is known from here on. */
  #refusal({ headers }: UpgradeRequest, socket: Duplex): CarillonError | undefined {
    const { sockets, admission } = this.#deps;
    const client = sockets.of(socket as Socket);
    sockets.forwarded(client, headers['x-forwarded-for']);
    return firstRefusal(admission, { headers, client });
  }

  #open(webSocket: WebSocket, request: UpgradeRequest, client: ClientSocket): void {
    const { gateway, connections, limits, telemetry } = this.#deps;
    const { headers, url } = request;
    const connection = new Connection({
      id: `${gateway}-c${(this.#counter++).toString(36)}`,
      webSocket,
      client,
      limits,
      rounds: this.#rounds,
      batching: this.#batching,
      compression: this.#compression,
      upgradeToken: extractToken({
        authorization: headers.authorization,
        subprotocols: headers['sec-websocket-protocol'],
        url,
      })?.token,
      onOverflow: (slow, messages, bytes) => {
        telemetry
          .loggerOf('egress')
          .info({ connectionId: slow.connectionId, messages, bytes }, 'slow consumer closed');
        slow.close('SLOW_CONSUMER', `${bytes} bytes wait for this client, more than it is allowed.`, 1000);
      },
    });
    this.#opened.labels('opened').add();
    connections.add(connection);
    this.#listen(connection, webSocket);
  }

  #listen(connection: Connection, webSocket: WebSocket): void {
    const { serveFrame, limits, connections } = this.#deps;
    const inbox = new Inbox(webSocket, (taken) => {
      if (!(taken instanceof CarillonError)) return serveFrame.serve(connection, taken);
      serveFrame.refuse(connection, taken, undefined);
      return undefined;
    });
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      connection.lastHeardMs = performance.now();
      const wantsBinary = connection.encoding === 'protobuf';
      if (isBinary !== wantsBinary)
        inbox.take(new CarillonError(isBinary ? 'FRAME_BINARY_UNSUPPORTED' : 'FRAME_TEXT_UNSUPPORTED'));
      else if (data.length > limits.maxFrameBytes) inbox.take(tooLarge(data.length, limits.maxFrameBytes));
      else inbox.take(isBinary ? data : data.toString('utf8'));
    });
    webSocket.on('pong', () => {
      connection.lastHeardMs = performance.now();
    });
    webSocket.on('error', (error) => connection.broken(error));
    webSocket.on('close', (received: number) => {
      this.#tellEnd(connection, received);
      connections.remove(connection);
      connection.ended();
    });
  }

  /** By its cause: a client that does not answer the gateway's close, or is cut off after it, would count as 1006. */
  #tellEnd(connection: Connection, received: number): void {
    const { connectionId, identity, endCode, client, openedAtMs, lastHeardMs } = connection;
    const code = endCode ?? received;
    const nowMs = performance.now();
    this.#closed.labels(String(code)).add();
    this.#logger.info(
      {
        connectionId,
        user: identity?.userId,
        address: client.address,
        code,
        by: endCode === undefined ? 'client' : 'gateway',
        ageMs: Math.round(nowMs - openedAtMs),
        idleMs: Math.round(nowMs - lastHeardMs),
      },
      'client gone',
    );
  }
}

function tooLarge(size: number, limit: number): CarillonError {
  return new CarillonError('FRAME_TOO_LARGE', `The frame has ${size} bytes; at most ${limit} are allowed.`);
}
