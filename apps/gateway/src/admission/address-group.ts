import type { Socket } from 'node:net';

/** A socket of a client, from its opening to its close. */
export interface ClientSocket {
  /** The one that speaks: with TLS the one above it, once that is agreed upon. */
  socket: Socket;
  /** The client's, also behind a trusted proxy once its request has come. */
  address: string;
  /** The address is a trusted proxy's. */
  isProxy: boolean;
  isAuthenticated: boolean;
  /** Closed, or about to be: it is counted no more. */
  isGone: boolean;
  group: AddressGroup;
  /** Neighbours among those of the address that have no valid token. */
  older: ClientSocket | undefined;
  newer: ClientSocket | undefined;
  /** Ends it in its own words; `undefined`: the socket is destroyed. */
  evict: (() => void) | undefined;
}

/** The sockets of one address. Those without a valid token are a list by age: a set would cost each address more memory than all else here. */
export class AddressGroup {
  readonly key: string;
  readonly isProxy: boolean;
  /** No bound for this address. */
  readonly isExempt: boolean;
  sockets = 0;
  unauthenticated = 0;
  #oldest: ClientSocket | undefined;
  #newest: ClientSocket | undefined;

  constructor(key: string, isProxy: boolean, isExempt: boolean) {
    this.key = key;
    this.isProxy = isProxy;
    this.isExempt = isExempt;
  }

  get oldestUnauthenticated(): ClientSocket | undefined {
    return this.#oldest;
  }

  add(client: ClientSocket): void {
    this.sockets++;
    if (client.isAuthenticated) return;
    this.unauthenticated++;
    client.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = client;
    else this.#newest.newer = client;
    this.#newest = client;
  }

  remove(client: ClientSocket): void {
    this.sockets--;
    if (!client.isAuthenticated) this.authenticated(client);
  }

  /** The connection leaves the share of those without a valid token. */
  authenticated(client: ClientSocket): void {
    this.unauthenticated--;
    const { older, newer } = client;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    client.older = undefined;
    client.newer = undefined;
  }
}
