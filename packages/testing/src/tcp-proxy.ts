import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type LinkConditions, type LinkDirection, ShapedLink } from './shaped-link.ts';

export interface TcpProxyOptions {
  /** Port of 127.0.0.1 that is stood before. */
  readonly targetPort: number;
  /** Default: a free one. */
  readonly port?: number;
}

/** `toServer`: what the client sends. `toClient`: what the server answers. */
export type ProxyDirection = LinkDirection | 'both';

/** A TCP proxy whose faults are switched on and off while connections run through it. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that run through it now. */
  readonly connections: number;
  /** Bytes that these connections have lost so far, half open. */
  readonly swallowedBytes: number;
  /** Ends all connections, by a reset as a firewall or a dying host does. New ones are taken. */
  cut(): void;
  /** Ends all connections and takes no new ones, until {@link heal}. */
  refuse(): void;
  /** Both sides stay connected and nothing gets through any more, in the given direction, on present and new connections. */
  halfOpen(direction?: ProxyDirection): void;
  /** Everything comes later by `delayMs`, give or take `jitterMs`; order is kept. */
  delay(delay: { readonly delayMs: number; readonly jitterMs?: number }, direction?: ProxyDirection): void;
  /** At most so many bytes a second per connection. */
  limit(bytesPerSecond: number, direction?: ProxyDirection): void;
  /**
   * Ends every fault. What a half-open connection has swallowed can't be given back, so connections that lost bytes are cut.
   */
  heal(): void;
  /** New connections go to another port of 127.0.0.1; present ones are cut. */
  retarget(port: number): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new FaultyProxy(options.targetPort);
  await proxy.listen(options.port ?? 0);
  return proxy;
}

class FaultyProxy implements TcpProxy {
  readonly #links = new Set<ShapedLink>();
  readonly #conditions: Record<LinkDirection, LinkConditions> = { toServer: {}, toClient: {} };
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  #targetPort: number;
  #refusing = false;
  port = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  get connections(): number {
    return this.#links.size;
  }

  get swallowedBytes(): number {
    return [...this.#links].reduce((sum, { swallowed }) => sum + swallowed, 0);
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as { port: number }).port;
  }

  cut(): void {
    for (const link of [...this.#links]) link.reset();
  }

  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  halfOpen(direction: ProxyDirection = 'both'): void {
    this.#change(direction, { swallows: true });
  }

  delay(
    { delayMs, jitterMs = 0 }: { readonly delayMs: number; readonly jitterMs?: number },
    direction: ProxyDirection = 'both',
  ): void {
    this.#change(direction, { delayMs, jitterMs });
  }

  limit(bytesPerSecond: number, direction: ProxyDirection = 'both'): void {
    this.#change(direction, { bytesPerSecond });
  }

  heal(): void {
    this.#refusing = false;
    for (const direction of ['toServer', 'toClient'] as const) {
      this.#conditions[direction] = {};
      for (const link of [...this.#links]) link.apply(direction, {});
    }
    for (const link of [...this.#links]) if (link.swallowed > 0) link.reset();
  }

  retarget(port: number): void {
    this.#targetPort = port;
    this.cut();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #change(direction: ProxyDirection, change: LinkConditions): void {
    for (const one of direction === 'both' ? (['toServer', 'toClient'] as const) : [direction]) {
      const conditions = { ...this.#conditions[one], ...change };
      this.#conditions[one] = conditions;
      for (const link of this.#links) link.apply(one, conditions);
    }
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.on('error', () => undefined); // the reset is meant
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const link = new ShapedLink({ client, server }, () => this.#links.delete(link));
    for (const direction of ['toServer', 'toClient'] as const)
      link.apply(direction, this.#conditions[direction]);
    this.#links.add(link);
  }
}
