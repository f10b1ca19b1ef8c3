import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type RedisOptions, startRedis, type TestRedis } from './redis.ts';
import { redisCommand } from './redis-command.ts';

const SLOTS = 16_384;
/** A node that is silent for so long has failed. */
const NODE_TIMEOUT_MS = 1500;
const KEYS_PER_MOVE = 20;
const FORMING_TIMEOUT_MS = 30_000;

export interface RedisClusterOptions extends RedisOptions {
  /** Default 3. */
  readonly primaries?: number;
  /** Of each primary; default 0. */
  readonly replicas?: number;
}

export interface ClusterNode extends TestRedis {
  /** Within the cluster. */
  readonly id: string;
  /** With the option `tls`: where clients are taken with TLS. `port` stays without. */
  readonly tlsPort: number | undefined;
}

/** A real Redis Cluster of local processes; slots are spread evenly. It goes on with what is left when a node is gone. */
export interface RedisCluster {
  /** redis+cluster://, with all nodes; rediss+cluster:// with the option `tls`. */
  readonly url: string;
  /** Primaries first, then their replicas in the same order. */
  readonly nodes: readonly ClusterNode[];
  /** Owner of a slot, as `asked` sees it (default: the first node that answers). */
  ownerOf(slot: number, asked?: ClusterNode): Promise<ClusterNode>;
  /** Gives a slot and its keys to another primary while it is used. `halfway` is called when some keys have gone and some have not. */
  moveSlot(slot: number, to: ClusterNode, halfway?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, replicas = 0 } = options;
  const nodes = await Promise.all(
    Array.from({ length: primaries * (1 + replicas) }, () => startNode(options)),
  );
  const cluster = new LocalCluster(nodes.map(({ node }) => node));
  try {
    await cluster.form(
      primaries,
      nodes.map(({ busPort }) => busPort),
    );
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function startNode({ tls, ...options }: RedisOptions): Promise<{ node: ClusterNode; busPort: number }> {
  const busPort = await freePort();
  const tlsPort = tls === undefined ? undefined : await freePort();
  const redis = await startRedis({
    ...options,
    config: {
      'cluster-enabled': 'yes',
      'cluster-config-file': 'nodes.conf',
      'cluster-node-timeout': String(NODE_TIMEOUT_MS),
      'cluster-require-full-coverage': 'no',
      'cluster-port': String(busPort),
      // Else the first synchronisation waits 5 s for further replicas.
      'repl-diskless-sync-delay': '0',
      ...(tls !== undefined && {
        'tls-port': String(tlsPort),
        'tls-cluster': 'yes',
        'tls-cert-file': tls.certFile,
        'tls-key-file': tls.keyFile,
        'tls-ca-cert-file': tls.caFile,
        'tls-auth-clients': 'no',
      }),
      ...options.config,
    },
  });
  const id = String(await redisCommand(redis, 'CLUSTER', 'MYID'));
  return { node: Object.assign(redis, { id, tlsPort }), busPort };
}

class LocalCluster implements RedisCluster {
  readonly nodes: readonly ClusterNode[];

  constructor(nodes: readonly ClusterNode[]) {
    this.nodes = nodes;
  }

  get url(): string {
    const scheme = this.nodes[0]!.tlsPort === undefined ? 'redis' : 'rediss';
    const hosts = this.nodes.map(({ port, tlsPort = port }) => `127.0.0.1:${tlsPort}`);
    return `${scheme}+cluster://${hosts.join(',')}`;
  }

  async form(primaries: number, busPorts: readonly number[]): Promise<void> {
    const [first] = this.nodes;
    for (const [i, node] of this.nodes.entries()) {
      await redisCommand(node, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      if (i > 0) await redisCommand(node, 'CLUSTER', 'MEET', '127.0.0.1', first!.port, busPorts[0]!);
      if (i >= primaries) continue;
      const [from, to] = [i, i + 1].map((at) => Math.ceil((at * SLOTS) / primaries)) as [number, number];
      await redisCommand(node, 'CLUSTER', 'ADDSLOTSRANGE', from, to - 1);
    }
    await this.#until(this.nodes, 'cluster_state:ok', `cluster_known_nodes:${this.nodes.length}`);
    for (const [i, replica] of this.nodes.slice(primaries).entries()) {
      await redisCommand(replica, 'CLUSTER', 'REPLICATE', this.nodes[i % primaries]!.id);
      await eventually(
        async () =>
          String(await redisCommand(replica, 'INFO', 'replication')).includes('master_link_status:up'),
        { what: 'a replica has everything', timeoutMs: FORMING_TIMEOUT_MS },
      );
    }
    await this.#until(this.nodes, 'cluster_state:ok', `cluster_slots_ok:${SLOTS}`);
  }

  async ownerOf(slot: number, asked?: ClusterNode): Promise<ClusterNode> {
    const answers = (asked === undefined ? this.nodes : [asked]).map(async (node) => {
      const ranges = (await redisCommand(node, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
      const range = ranges.find(([from, to]) => from <= slot && slot <= to);
      return this.nodes.find(({ port }) => port === range?.[2][1]) ?? Promise.reject(new Error('nobody'));
    });
    return await Promise.any(answers);
  }

  async moveSlot(slot: number, to: ClusterNode, halfway?: () => Promise<void>): Promise<void> {
    const from = await this.ownerOf(slot);
    // One that has just come back refuses everything for a moment.
    await this.#until([from, to], 'cluster_state:ok');
    await redisCommand(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await redisCommand(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    for (let moved = 0; ; moved++) {
      const keys = (await redisCommand(from, 'CLUSTER', 'GETKEYSINSLOT', slot, KEYS_PER_MOVE)) as string[];
      if (keys.length === 0) break;
      await redisCommand(from, 'MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
      if (moved === 0) await halfway?.();
    }
    for (const node of new Set([to, from, ...this.nodes])) {
      // Replicas, and nodes that are away, hear it from the others.
      await redisCommand(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id).catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async #until(nodes: readonly ClusterNode[], ...lines: readonly string[]): Promise<void> {
    await eventually(
      async () => {
        const infos = await Promise.all(nodes.map((node) => redisCommand(node, 'CLUSTER', 'INFO')));
        return infos.every((info) => lines.every((line) => String(info).includes(line)));
      },
      { what: `nodes say ${lines.join(', ')}`, timeoutMs: FORMING_TIMEOUT_MS },
    );
  }
}
