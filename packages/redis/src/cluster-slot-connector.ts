import { createConnection, Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { ClusterNodes } from './cluster-nodes.ts';

type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

interface ConnectorOptions {
  readonly disconnectTimeout?: number;
  readonly tls?: ConnectionOptions;
}

/** Ioredis makes a connector for each connection, by its constructor. @returns one whose connections lead to the primary of `slot` */
export function connectorTo(nodes: ClusterNodes, slot: number): new (options: unknown) => AbstractConnector {
  return class extends ClusterSlotConnector {
    constructor(options: unknown) {
      super(nodes, slot, options as ConnectorOptions);
    }
  };
}

/** Asks at every connection where the slot is now. */
class ClusterSlotConnector extends AbstractConnector {
  readonly #nodes: ClusterNodes;
  readonly #slot: number;
  readonly #tls: ConnectionOptions | undefined;

  constructor(nodes: ClusterNodes, slot: number, { disconnectTimeout = 2000, tls }: ConnectorOptions) {
    super(disconnectTimeout);
    this.#nodes = nodes;
    this.#slot = slot;
    this.#tls = tls;
  }

  /** A node that was a primary a moment ago, and isn't any longer. */
  override check({ role }: { readonly role?: string }): boolean {
    return role === undefined || role === 'master';
  }

  override async connect(): Promise<Stream> {
    this.connecting = true;
    let primary: Awaited<ReturnType<ClusterNodes['primaryOf']>>;
    try {
      primary = await this.#nodes.primaryOf(this.#slot);
      if (!this.connecting) throw new Error('Connection is closed.');
    } catch (error) {
      // A rejection would end the connection for good; a stream that is closed already is tried again.
      this.firstError = error as Error;
      this.stream = new Socket().destroy();
      return this.stream;
    }
    this.stream =
      this.#tls === undefined ? createConnection(primary) : connectTls({ ...this.#tls, ...primary });
    this.stream.once('error', (error) => {
      this.firstError = error;
    });
    return this.stream;
  }
}
