import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { type RedisOptions, startRedis, type TestRedis } from './redis.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A Redis and a replica of it, behind one address, as a managed Redis looks like to its clients. */
export interface RedisPair {
  /** Of whoever is the primary. */
  readonly url: string;
  readonly port: number;
  /** The first primary. */
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  /** From now on the replica hears nothing new, and doesn't know it. */
  lag(): void;
  /** The replica hears again, and catches up. Resolves when it has everything. */
  catchUp(): Promise<void>;
  /** Kills the primary, promotes the replica as it is, and leads clients there. What it had not heard is lost. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisPair(options: RedisOptions = {}): Promise<RedisPair> {
  // Else the first synchronisation waits 5 s for further replicas.
  const config = { 'repl-diskless-sync-delay': '0', ...options.config };
  const start = (): Promise<TestRedis> => startRedis({ ...options, config });
  const [primary, replica] = await Promise.all([start(), start()]);
  const [front, replication] = await Promise.all([
    startTcpProxy({ targetPort: primary.port }),
    startTcpProxy({ targetPort: primary.port }),
  ]);
  const pair = new Pair(primary, replica, { front, replication });
  await pair.follow();
  return pair;
}

class Pair implements RedisPair {
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  readonly #front: TcpProxy;
  readonly #replication: TcpProxy;

  constructor(
    primary: TestRedis,
    replica: TestRedis,
    { front, replication }: { readonly front: TcpProxy; readonly replication: TcpProxy },
  ) {
    this.primary = primary;
    this.replica = replica;
    this.#front = front;
    this.#replication = replication;
  }

  get port(): number {
    return this.#front.port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async follow(): Promise<void> {
    await command(this.replica, 'REPLICAOF', '127.0.0.1', String(this.#replication.port));
    await this.#caughtUp();
  }

  lag(): void {
    this.#replication.halfOpen();
  }

  async catchUp(): Promise<void> {
    this.#replication.heal();
    await this.#caughtUp();
  }

  async failOver(): Promise<void> {
    this.#front.refuse();
    await this.primary.kill();
    await command(this.replica, 'REPLICAOF', 'NO', 'ONE');
    this.#front.retarget(this.replica.port);
    this.#front.heal();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#front.stop(), this.#replication.stop()]);
    await Promise.all([this.primary.stop(), this.replica.stop()]);
  }

  async #caughtUp(): Promise<void> {
    await eventually(
      async () => {
        const info = String(await command(this.replica, 'INFO', 'replication'));
        const top = /master_repl_offset:(\d+)/.exec(
          String(await command(this.primary, 'INFO', 'replication')),
        );
        const own = /slave_repl_offset:(\d+)/.exec(info);
        return info.includes('master_link_status:up') && Number(own?.[1]) >= Number(top?.[1]);
      },
      { what: 'the replica has everything', timeoutMs: 20_000 },
    );
  }
}

async function command(server: TestRedis, name: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(server.url, { lazyConnect: true });
  await redis.connect();
  try {
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}
