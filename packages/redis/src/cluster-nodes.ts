import { Redis, type RedisOptions } from 'ioredis';
import type { ClusterAddress, Endpoint, RedisTls } from './address.ts';

const DEFAULT_TIMEOUT_MS = 2000;
/** More nodes are not remembered: any of them knows all. */
const MAX_KNOWN = 1000;

/** `[first slot, last slot, [host, port, id, ...] of the primary, replicas ...]` */
type SlotRange = readonly [number, number, readonly [string | null, number, ...unknown[]], ...unknown[]];

/** Owner of each slot, asked for at each call: an answer may be out of date a moment later. */
export class ClusterNodes {
  readonly #address: ClusterAddress;
  readonly #timeoutMs: number;
  /** The seeds, and what answers have named. */
  #known: readonly Endpoint[];
  /** Where the next question begins: a node that knows old things isn't asked again and again. */
  #turn = 0;
  #asking: Promise<readonly SlotRange[]> | undefined;

  constructor(address: ClusterAddress, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#known = address.seeds;
  }

  /** The primary that has a slot. @throws Error when no node answers, or none has the slot */
  async primaryOf(slot: number): Promise<Endpoint> {
    // Connections that are made anew together share the answer.
    this.#asking ??= this.#askAny().finally(() => {
      this.#asking = undefined;
    });
    const range = (await this.#asking).find(([first, last]) => first <= slot && slot <= last);
    if (range === undefined) throw new Error(`no node of the cluster has slot ${slot}`);
    return { host: range[2][0]!, port: Number(range[2][1]) };
  }

  /** Credentials and TLS of a connection to any node. */
  get access(): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
    const { username, password, tls } = this.#address;
    return {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls !== undefined && { tls: given(tls) }),
    };
  }

  async #askAny(): Promise<readonly SlotRange[]> {
    const begin = this.#turn++ % this.#known.length;
    const nodes = [...this.#known.slice(begin), ...this.#known.slice(0, begin)];
    let last: unknown;
    for (const node of nodes) {
      try {
        const ranges = await this.#ask(node);
        if (ranges.length === 0) throw new Error('it has no slots and knows nobody who has');
        this.#learn(ranges);
        return ranges;
      } catch (error) {
        last = new Error(`${node.host}:${node.port}: ${error instanceof Error ? error.message : error}`);
      }
    }
    throw new Error('no node of the cluster says who has the slots', { cause: last });
  }

  async #ask(node: Endpoint): Promise<readonly SlotRange[]> {
    const redis = new Redis({
      ...this.access,
      host: node.host,
      port: node.port,
      lazyConnect: true,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      connectTimeout: this.#timeoutMs,
      commandTimeout: this.#timeoutMs,
    });
    let fault: Error | undefined;
    redis.on('error', (error) => {
      fault = error;
    });
    try {
      await redis.connect();
      const ranges = (await redis.cluster('SLOTS')) as unknown as readonly SlotRange[];
      return ranges.map((range) => named(range, node.host));
    } catch (error) {
      throw fault ?? error;
    } finally {
      redis.disconnect();
    }
  }

  #learn(ranges: readonly SlotRange[]): void {
    const found = new Map(this.#address.seeds.map((seed) => [`${seed.host}:${seed.port}`, seed]));
    for (const [, , ...owners] of ranges)
      for (const [host, port] of owners as readonly (readonly [string | null, number])[])
        if (host !== null && host !== '') found.set(`${host}:${port}`, { host, port: Number(port) });
    this.#known = [...found.values()].slice(0, MAX_KNOWN);
  }
}

/** Only what is there: a member that is undefined replaces a default of TLS. */
export function given({ ca, cert, key }: RedisTls): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** A node that doesn't know its own address leaves it out: it is where the answer came from. */
function named([first, last, [host, ...rest], ...replicas]: SlotRange, askedHost: string): SlotRange {
  return [
    first,
    last,
    [host === null || host === '' || host === '?' ? askedHost : host, ...rest],
    ...replicas,
  ];
}
