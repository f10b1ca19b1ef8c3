import { createConnection, Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { Endpoint } from './address.ts';

export type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

/** Finds the address of the primary. */
export interface PrimaryFinder {
  /** Asked at every connection. */
  primary(): Promise<Endpoint>;
  /** A connection leads there from now on, as soon as it is made. */
  leads?(stream: Stream, primary: Endpoint): void;
}

interface ConnectorOptions {
  readonly disconnectTimeout?: number;
  readonly tls?: ConnectionOptions;
}

/** Ioredis makes a connector for each connection, by its constructor. @returns one whose connections lead to the primary of the moment */
export function connectorTo(finder: PrimaryFinder): new (options: unknown) => AbstractConnector {
  return class extends PrimaryConnector {
    constructor(options: unknown) {
      super(finder, options as ConnectorOptions);
    }
  };
}

/** Asks at every connection where the primary is now. */
class PrimaryConnector extends AbstractConnector {
  readonly #finder: PrimaryFinder;
  readonly #tls: ConnectionOptions | undefined;

  constructor(finder: PrimaryFinder, { disconnectTimeout = 2000, tls }: ConnectorOptions) {
    super(disconnectTimeout);
    this.#finder = finder;
    this.#tls = tls;
  }

  /** A server that was a primary a moment ago, and isn't any longer. */
  override check({ role }: { readonly role?: string }): boolean {
    return role === undefined || role === 'master';
  }

  override async connect(): Promise<Stream> {
    this.connecting = true;
    let primary: Endpoint;
    try {
      primary = await this.#finder.primary();
      if (!this.connecting) throw new Error('Connection is closed.');
    } catch (error) {
      // A rejection would end the connection for good; a stream that is closed already is tried again.
      this.firstError = error as Error;
      this.stream = new Socket().destroy();
      return this.stream;
    }
    const to = { host: primary.host, port: primary.port };
    this.stream = this.#tls === undefined ? createConnection(to) : connectTls({ ...this.#tls, ...to });
    this.stream.once('error', (error) => {
      this.firstError = error;
    });
    this.#finder.leads?.(this.stream, primary);
    return this.stream;
  }
}
