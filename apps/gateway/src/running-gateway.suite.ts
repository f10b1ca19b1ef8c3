/** A gateway on the memory broker behind a real port, and bare clients of the protocol, for tests. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mintToken } from '@carillon/auth';
import { type Broker, createMemoryBroker } from '@carillon/broker';
import { loadConfig } from '@carillon/config';
import {
  type ClientFrame,
  type ServerFrame,
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_PROTOBUF,
} from '@carillon/protocol';
import { decodeServerFrame, encodeClientFrame, VALUES } from '@carillon/protocol/protobuf';
import { createTelemetry } from '@carillon/telemetry';
import { WebSocket } from 'ws';
import { GROUPS } from './config.ts';
import type { EncodingName } from './egress/frame.ts';
import { createGateway } from './gateway.ts';

export const SECRET = 'gateway-test-secret-0123456789-0123456789';
const EVERYTHING = { '*': ['subscribe', 'publish', 'history'] } as const;

export interface RunningGateway {
  readonly port: number;
  /** Log lines, one entry each. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** @param shared a broker that the caller starts and stops, for several gateways */
export async function startGateway(
  env: Readonly<Record<string, string>> = {},
  shared?: Broker,
): Promise<RunningGateway> {
  const { config } = loadConfig(GROUPS, {
    CARILLON_REDIS_URL: 'redis://not.used',
    CARILLON_JWT_SECRET: SECRET,
    CARILLON_GATEWAY_PORT: '0',
    ...env,
  });
  const log: string[] = [];
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: config.process.nodeId,
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    stream: { write: (line) => log.push(line) },
    processMetrics: false,
  });
  const broker = shared ?? createMemoryBroker();
  if (shared === undefined) await broker.start();
  const gateway = await createGateway({ telemetry, broker, config });
  await gateway.start();
  return {
    port: (gateway.server.server.address() as AddressInfo).port,
    log,
    stop: async () => {
      await gateway.stop();
      if (shared === undefined) await broker.stop();
    },
  };
}

export function tokenOf(userId: string, capabilities: object = EVERYTHING): Promise<string> {
  return mintToken({ secret: SECRET, userId, capabilities: capabilities as never, expiresInMs: 600_000 });
}

/** A client that does nothing by itself: sends frames, keeps what comes. */
export class BarePeer {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  closeCode: number | undefined;
  #lastId = 0;
  #onNews: (() => void)[] = [];

  readonly encoding: EncodingName;

  constructor(port: number, encoding: EncodingName = 'json') {
    this.encoding = encoding;
    const subprotocol = encoding === 'json' ? SUBPROTOCOL_JSON : SUBPROTOCOL_PROTOBUF;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, [subprotocol]);
    this.socket.on('error', () => undefined); // the close that follows is what tests look at
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.frames.push(
        isBinary ? decodeServerFrame(data, VALUES)! : (JSON.parse(String(data)) as ServerFrame),
      );
      this.#news();
    });
    this.socket.on('close', (code) => {
      this.closeCode = code;
      this.#news();
    });
  }

  /** Opens and connects as `userId`. */
  static async join(
    port: number,
    userId: string,
    encoding: EncodingName = 'json',
    members: object = {},
  ): Promise<BarePeer> {
    const peer = new BarePeer(port, encoding);
    await once(peer.socket, 'open');
    await peer.ask({ type: 'connect', token: await tokenOf(userId), ...members });
    return peer;
  }

  send(frame: object): void {
    this.socket.send(
      this.encoding === 'json' ? JSON.stringify(frame) : encodeClientFrame(frame as ClientFrame, VALUES),
    );
  }

  /** Sends a frame and waits for its answer. */
  async ask<Answer extends ServerFrame>(frame: object): Promise<Answer> {
    const id = ++this.#lastId;
    this.send({ id, ...frame });
    return (await this.until((answer) => 're' in answer && answer.re === id)) as Answer;
  }

  /** @throws Error when the connection closes before. */
  async until(matches: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    for (let at = 0; ; ) {
      for (; at < this.frames.length; at++) if (matches(this.frames[at]!)) return this.frames[at]!;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode}`);
      await new Promise<void>((resolve) => this.#onNews.push(resolve));
    }
  }

  #news(): void {
    for (const tell of this.#onNews.splice(0)) tell();
  }
}
