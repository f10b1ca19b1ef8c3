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
/** The sentinel's own, on a Redis without a password: so that it alone can be kept out. */
const SENTINEL_USER = 'sentinel';
/** It fails over when it is told to, not because a busy machine lets a server stand still. */
const MANUAL_DOWN_AFTER_MS = 60_000;

export interface SentinelOptions extends RedisOptions {
  /** Of primary and replica. Default: none. */
  readonly password?: string;
  /** Of the sentinel. Default: none. */
  readonly sentinelPassword?: string;
  /** Default: 1. They fail over when a majority of them agrees. */
  readonly sentinels?: number;
  /** How long the primary may be silent before the sentinel puts the replica in its place (the sentinel's own default is 30,000). Default 60,000. */
  readonly downAfterMs?: number;
  /** {@link SentinelledRedis.isolate} will be used: the sentinel has a user of its own, until a server is restarted. Excludes `password`. */
  readonly isolatable?: boolean;
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
  /** Does the sentinel say that the replica is the primary? */
  hasFailedOver(): Promise<boolean>;
  /** Does the sentinel take the primary for dead? It is about to put the replica in its place. */
  isDown(): Promise<boolean>;
  /** From now on the replica hears nothing new, until the two change places: it lags, and knows it. */
  lag(): Promise<void>;
  /** For the sentinel the first primary is dead from now on. All others reach it, and stay connected. Needs `isolatable`. */
  isolate(): Promise<void>;
  /** Ends {@link isolate}: the sentinel finds a second primary there, and demotes it after about 10 s. */
  rejoin(): Promise<void>;
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
  if (options.isolatable === true)
    for (const { port } of [primary, replica])
      await redisCommand(
        { port, caFile: tls?.caFile },
        ...(['ACL', 'SETUSER', SENTINEL_USER, 'on', `>${SENTINEL_USER}`, '~*', '&*', '+@all'] as const),
      );
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
    hasFailedOver: hasTakenOver,
    isDown: async () => (await says('master')).some((text) => text.includes('s_down')),
    lag: () => stopReplication(primary, replica),
    // A user that is gone would not do: who is refused as that user goes on as the default one.
    isolate: async () => {
      await redisCommand(primary, 'ACL', 'SETUSER', SENTINEL_USER, 'nocommands');
    },
    rejoin: async () => {
      await redisCommand(primary, 'ACL', 'SETUSER', SENTINEL_USER, 'allcommands');
    },
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

/** The primary takes no replica that has a password: it has none. What the replica has by then is all that it gets. */
export async function stopReplication(primary: CommandTarget, replica: CommandTarget): Promise<void> {
  await redisCommand(replica, 'CONFIG', 'SET', 'masterauth', 'not-the-password');
  await redisCommand(primary, 'CLIENT', 'KILL', 'TYPE', 'replica');
  await eventually(
    async () =>
      String(await redisCommand(replica, 'INFO', 'replication')).includes('master_link_status:down'),
    { what: 'the replica has lost its primary', timeoutMs: 20_000 },
  );
}

interface RunningSentinel extends TestSentinel {
  stop(): Promise<void>;
}

async function startSentinel(
  primaryPort: number,
  {
    tls,
    password,
    sentinelPassword,
    sentinels = 1,
    downAfterMs = MANUAL_DOWN_AFTER_MS,
    isolatable,
  }: SentinelOptions,
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
    ...(isolatable === true
      ? [`sentinel auth-user ${NAME} ${SENTINEL_USER}`, `sentinel auth-pass ${NAME} ${SENTINEL_USER}`]
      : []),
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
