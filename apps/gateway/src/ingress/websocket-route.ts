import { extractToken } from '@carillon/auth';
import type { OriginMatcher } from '@carillon/config';
import { CarillonError, SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF } from '@carillon/protocol';
import { type Counter, type Family, type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import { BatchFrames } from '../egress/batch-frame.ts';
import { BatchWheel } from '../egress/batch-wheel.ts';
import type { Batching } from '../egress/batcher.ts';
import { Compression } from '../egress/compression.ts';
import { WriteRounds } from '../egress/write-rounds.ts';
import { Connection } from '../session/connection.ts';
import type { Connections } from '../session/connections.ts';
import { Inbox } from '../session/inbox.ts';
import type { ServeFrame } from './serve-frame.ts';
import type { UpgradeRequest } from './upgrade-head.ts';
import { WebSocketUpgrade } from './websocket-upgrade.ts';

const PATH = '/v1/ws';
/** A frame somewhat above the limit is answered with both sizes; one far above isn't read at all. */
const MAX_PAYLOAD_SLACK = 65_536;

/** Clients are taken while `serving`. */
export type ServingPhase = 'starting' | 'serving' | 'draining';

export interface WebSocketRouteDependencies {
  readonly gateway: string;
  readonly connections: Connections;
  readonly serveFrame: ServeFrame;
  readonly origins: OriginMatcher;
  readonly telemetry: Telemetry;
  /** `undefined`: off. */
  readonly compression: { readonly minBytes: number } | undefined;
  readonly phase: () => ServingPhase;
  readonly limits: {
    readonly maxConnections: number;
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
  readonly #rounds = new WriteRounds();
  readonly #batching: Batching = { wheel: new BatchWheel(), frames: new BatchFrames() };
  readonly #compression: Compression | undefined;
  #counter = 0;

  constructor(deps: WebSocketRouteDependencies) {
    this.#deps = deps;
    this.#compression = deps.compression && new Compression(deps.compression.minBytes);
    this.#opened = deps.telemetry.metrics.counters(METRICS.connectionsTotal);
    this.#logger = deps.telemetry.loggerOf('ingress');
    this.#closed = deps.telemetry.metrics.counters(METRICS.closesTotal);
  }

  register(server: FastifyInstance): void {
    new WebSocketUpgrade({
      path: PATH,
      maxPayloadBytes: this.#deps.limits.maxFrameBytes + MAX_PAYLOAD_SLACK,
      compresses: this.#compression !== undefined,
      chooseSubprotocol,
      admits: (request) => this.#refusal(request) === undefined,
      onOpen: (webSocket, request) => this.#open(webSocket, request),
    }).listen(server);
    server.route({
      method: 'GET',
      url: PATH,
      handler: async ({ raw }, reply) => {
        // Refused before the upgrade, as a plain HTTP answer that says why.
        const refusal = raw.headers.upgrade === undefined ? undefined : this.#refusal(raw);
        if (refusal !== undefined) {
          this.#opened.labels(refusal.code).add();
          throw refusal;
        }
        reply.header('upgrade', 'websocket');
        throw new CarillonError('UPGRADE_REQUIRED');
      },
    });
  }

  #refusal({ headers }: UpgradeRequest): CarillonError | undefined {
    const { origins, limits, connections, phase } = this.#deps;
    if (phase() === 'draining') return new CarillonError('DRAINING', undefined, { retryAfterMs: 1000 });
    if (phase() === 'starting')
      return new CarillonError('UNAVAILABLE', 'This gateway is starting.', { retryAfterMs: 1000 });
    if (headers.origin !== undefined && !origins.allows(headers.origin, headers.host)) {
      return new CarillonError(
        'ORIGIN_REFUSED',
        `Pages of ${headers.origin} may not connect: add this origin to CARILLON_ALLOWED_ORIGINS.`,
      );
    }
    if (connections.size < limits.maxConnections) return undefined;
    return new CarillonError(
      'AT_CAPACITY',
      `This gateway has ${limits.maxConnections} connections, which is its limit. Try again, another gateway may take you.`,
      { retryAfterMs: 5000 },
    );
  }

  #open(webSocket: WebSocket, request: UpgradeRequest): void {
    const { gateway, connections, limits, telemetry } = this.#deps;
    const { headers, url } = request;
    const connection = new Connection({
      id: `${gateway}-c${(this.#counter++).toString(36)}`,
      webSocket,
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
    webSocket.on('error', () => connection.broken());
    webSocket.on('close', (code: number) => {
      this.#closed.labels(String(code)).add();
      this.#logger.debug(
        { connectionId: connection.connectionId, user: connection.identity?.userId, code },
        'client gone',
      );
      connections.remove(connection);
      connection.ended();
    });
  }
}

function tooLarge(size: number, limit: number): CarillonError {
  return new CarillonError('FRAME_TOO_LARGE', `The frame has ${size} bytes; at most ${limit} are allowed.`);
}
