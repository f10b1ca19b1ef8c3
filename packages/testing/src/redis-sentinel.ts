import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './backend.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { portSettings, type RedisOptions, startRedis, type TestRedis } from './redis.ts';
import { type CommandTarget, redisCommand } from './redis-command.ts';
import { startProcess } from './server-process.ts';

const NAME = 'carillon';

export interface SentinelOptions extends RedisOptions {
  /** Of primary and replica. Default: none. */
  readonly password?: string;
  /** Of the sentinel. Default: none. */
  readonly sentinelPassword?: string;
  /** Default: 1. They fail over when a majority of them agrees. */
  readonly sentinels?: number;
  /** Default: they fail over only when they are told to, not because a busy machine lets a server stand still. */
  readonly downAfterMs?: number;
}

/** One of those that watch. */
export interface TestSentinel extends CommandTarget {
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

/** A primary, a replica, and sentinels that watch them. */
export interface SentinelledRedis {
  /** redis+sentinel://, or rediss+sentinel:// with the option `tls`; with the passwords that there are */
  readonly url: string;
  /** The first primary. */
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  readonly sentinels: readonly TestSentinel[];
  /** Has a sentinel make the replica the primary, and resolves when it says that it is. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** With the option `tls` all of them take TLS only, and speak it among each other. */
export async function startSentinelledRedis(options: SentinelOptions = {}): Promise<SentinelledRedis> {
  const { tls, password } = options;
  const config = {
    'repl-diskless-sync-delay': '0',
    ...(tls !== undefined && { 'tls-replication': 'yes' }),
    ...(password !== undefined && { requirepass: password, masterauth: password }),
    ...options.config,
  };
  const [primary, replica] = (await Promise.all([1, 2].map(() => startRedis({ ...options, config })))) as [
    TestRedis,
    TestRedis,
  ];
  const onReplica = { port: replica.port, caFile: tls?.caFile, password };
  await redisCommand(onReplica, 'REPLICAOF', '127.0.0.1', primary.port);
  await eventually(
    async () =>
      String(await redisCommand(onReplica, 'INFO', 'replication')).includes('master_link_status:up'),
    { what: 'the replica has everything', timeoutMs: 20_000 },
  );
  const sentinels = await Promise.all(
    Array.from({ length: options.sentinels ?? 1 }, () => startSentinel(primary.port, options)),
  );
  const [sentinel] = sentinels as [RunningSentinel];
  const says = async (what: string, asked = sentinel): Promise<readonly string[]> =>
    ((await redisCommand(asked, 'SENTINEL', what, NAME)) as string[] | null) ?? [];
  for (const one of sentinels) {
    const knowsAll = async (): Promise<boolean> =>
      (await says('replicas', one)).length > 0 &&
      (await says('sentinels', one)).length === sentinels.length - 1;
    await eventually(knowsAll, { what: 'a sentinel knows the others', timeoutMs: 20_000 });
  }
  const hasTakenOver = async (): Promise<boolean> =>
    (await says('get-master-addr-by-name'))[1] === String(replica.port);
  return {
    url: urlOf(
      sentinels.map(({ port }) => port),
      options,
    ),
    primary,
    replica,
    sentinels,
    failOver: async () => {
      await eventually(
        async () =>
          (await hasTakenOver()) || // by itself, when the primary stood still for a moment
          says('failover').then(
            () => true,
            () => false,
          ), // refused until it knows that the replica is good
        { what: 'a failover begins', timeoutMs: 20_000 },
      );
      await eventually(hasTakenOver, { what: 'the replica is the primary', timeoutMs: 20_000 });
    },
    stop: async () => {
      await Promise.all(sentinels.map((one) => one.stop()));
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}

interface RunningSentinel extends TestSentinel {
  stop(): Promise<void>;
}

async function startSentinel(
  primaryPort: number,
  { tls, password, sentinelPassword, sentinels = 1, downAfterMs = 60_000 }: SentinelOptions,
): Promise<RunningSentinel> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'carillon-sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const settings = [
    'bind 127.0.0.1',
    `dir ${folder}`,
    ...(tls === undefined ? [] : ['tls-replication yes']),
    ...(sentinelPassword === undefined ? [] : [`requirepass ${JSON.stringify(sentinelPassword)}`]),
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${Math.floor(sentinels / 2) + 1}`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${JSON.stringify(password)}`]),
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} 20000`,
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  const sentinel = await startProcess({
    command: findProgram('redis-server')!,
    args: [file, '--sentinel', ...portSettings(port, tls)],
    readyPattern: /monitor master/,
  });
  return {
    port,
    caFile: tls?.caFile,
    password: sentinelPassword,
    kill: async () => {
      await sentinel.kill();
    },
    pause: () => sentinel.pause(),
    resume: () => sentinel.resume(),
    stop: async () => {
      sentinel.resume();
      await sentinel.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function urlOf(ports: readonly number[], { tls, password, sentinelPassword }: SentinelOptions): string {
  const scheme = tls === undefined ? 'redis' : 'rediss';
  const access = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  const query =
    sentinelPassword === undefined ? '' : `?sentinelPassword=${encodeURIComponent(sentinelPassword)}`;
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return `${scheme}+sentinel://${access}${hosts}/${NAME}${query}`;
}
