import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { AddressGroup, type ClientSocket } from './address-group.ts';
import { addressGroup, type ClientAddresses, isLoopback, peerAddress } from './client-address.ts';

export interface SocketLimits {
  /** Sockets with a valid token: WebSockets, and HTTP connections whose last request had one. */
  readonly maxConnections: number;
  /** All others: silent ones, those that have not sent `connect`, requests without a token. */
  readonly maxUnauthenticated: number;
  /** Of one address, or one /64 of IPv6. 0: no bound. */
  readonly maxConnectionsPerAddress: number;
}

/** Where a socket keeps its entry: a map would cost each connection more. */
const ENTRY = Symbol('client socket');
type KnownSocket = Socket & { [ENTRY]?: ClientSocket };
/** A socket of TLS keeps the one beneath in a member that its types leave out. */
type SocketOverTls = Socket & { readonly _parent?: Socket };

/**
 * All sockets of clients, whatever they speak and whether they speak at all, by address. Those without a valid token have a share of
 * their own: strangers can take no place of users, and when the share is full the oldest of the address that has most makes room.
 */
export class ClientSockets {
  readonly #addresses: ClientAddresses;
  readonly #limits: SocketLimits;
  readonly #log: RepeatedLog;
  readonly #evicted;
  /** Addresses with a socket. Bounded by the two shares. */
  readonly #groups = new Map<string, AddressGroup>();
  #authenticated = 0;
  #unauthenticated = 0;

  constructor(addresses: ClientAddresses, limits: SocketLimits, telemetry: Telemetry) {
    this.#addresses = addresses;
    this.#limits = limits;
    this.#log = new RepeatedLog(telemetry.loggerOf('ingress'));
    this.#evicted = telemetry.metrics.counter(METRICS.clientSocketsEvicted);
    telemetry.metrics.gauge(METRICS.clientSockets, () => [
      [['authenticated'], this.#authenticated],
      [['unauthenticated'], this.#unauthenticated],
    ]);
  }

  /** Before the server listens, and after all who look at its connections first. */
  watch(server: Server): void {
    server.prependListener('connection', (socket: Socket) => this.opened(socket));
    if (server instanceof TlsServer)
      server.prependListener('secureConnection', (socket: Socket) => this.#secured(socket));
  }

  /** Is the share of those with a valid token full? */
  get isFull(): boolean {
    return this.#authenticated >= this.#limits.maxConnections;
  }

  /** The entry of a socket that is open; it leaves by itself when the socket closes. */
  of(socket: Socket): ClientSocket {
    return (socket as KnownSocket)[ENTRY] ?? this.opened(socket);
  }

  opened(socket: Socket): ClientSocket {
    const address = peerAddress(socket.remoteAddress);
    const isProxy = this.#addresses.isTrustedProxy(address);
    const client: ClientSocket = {
      socket,
      address,
      isProxy,
      isAuthenticated: false,
      isGone: socket.destroyed,
      group: this.#groupOf(address, isProxy),
      older: undefined,
      newer: undefined,
      evict: undefined,
    };
    (socket as KnownSocket)[ENTRY] = client;
    if (socket.destroyed) return client;
    client.group.add(client);
    this.#unauthenticated++;
    socket.on('close', () => this.#closed(client));
    if (this.#unauthenticated > this.#limits.maxUnauthenticated) this.#makeRoom();
    return client;
  }

  /** TLS was agreed upon: from here on the socket above it is the client's. */
  #secured(socket: Socket): void {
    const client = ((socket as SocketOverTls)._parent as KnownSocket | undefined)?.[ENTRY];
    if (client === undefined) return;
    client.socket = socket;
    (socket as KnownSocket)[ENTRY] = client;
  }

  /** The client behind a trusted proxy is known by its request. */
  forwarded(client: ClientSocket, forwardedFor: string | string[] | undefined): void {
    if (!client.isProxy || client.isGone || typeof forwardedFor !== 'string') return;
    const address = this.#addresses.behind(client.address, forwardedFor);
    client.address = address;
    client.isProxy = this.#addresses.isTrustedProxy(address);
    this.#leave(client);
    client.group = this.#groupOf(address, client.isProxy);
    client.group.add(client);
  }

  /** A valid token came. `false`: there is no place, the socket stays in the share of those without. */
  authenticated(client: ClientSocket): boolean {
    if (client.isAuthenticated) return true;
    if (client.isGone || this.isFull) return false;
    client.isAuthenticated = true;
    client.group.authenticated(client);
    this.#unauthenticated--;
    this.#authenticated++;
    return true;
  }

  /** Does this client's address have more sockets than one may have? Loopback and trusted proxies may. */
  isAboveAddressLimit({ group }: ClientSocket): boolean {
    const { maxConnectionsPerAddress: max } = this.#limits;
    return max > 0 && !group.isExempt && group.sockets > max;
  }

  #groupOf(address: string, isProxy: boolean): AddressGroup {
    const key = addressGroup(address);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new AddressGroup(key, isProxy, isProxy || isLoopback(address));
      this.#groups.set(key, group);
    }
    return group;
  }

  #leave(client: ClientSocket): void {
    const { group } = client;
    group.remove(client);
    if (group.sockets === 0) this.#groups.delete(group.key);
  }

  #closed(client: ClientSocket): void {
    if (client.isGone) return;
    client.isGone = true;
    this.#leave(client);
    if (client.isAuthenticated) this.#authenticated--;
    else this.#unauthenticated--;
  }

  #makeRoom(): void {
    const group = this.#groupWithMost();
    const oldest = group?.oldestUnauthenticated;
    if (group === undefined || oldest === undefined) return;
    this.#evicted.add();
    this.#log.warn(
      { address: group.key, ofThisAddress: group.unauthenticated, limit: this.#limits.maxUnauthenticated },
      'the share of connections without a valid token (CARILLON_MAX_UNAUTHENTICATED) is full: the oldest of the address that has most is ended',
    );
    // At once: its close event comes later, and the next one that is opened must not find it again.
    this.#closed(oldest);
    if (oldest.evict === undefined) oldest.socket.destroy();
    else oldest.evict();
  }

  /** Of proxies only when there is nobody else: what a proxy keeps open serves many. */
  #groupWithMost(): AddressGroup | undefined {
    let most: AddressGroup | undefined;
    for (const group of this.#groups.values()) {
      if (group.unauthenticated === 0) continue;
      const isBefore =
        most === undefined ||
        (most.isProxy === group.isProxy ? group.unauthenticated > most.unauthenticated : most.isProxy);
      if (isBefore) most = group;
    }
    return most;
  }
}
