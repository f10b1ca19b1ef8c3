import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './backend.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type RedisOptions, startRedis, type TestRedis } from './redis.ts';
import { redisCommand } from './redis-command.ts';
import { startProcess } from './server-process.ts';

const NAME = 'carillon';

/** A primary, a replica, and one sentinel that watches them. */
export interface SentinelledRedis {
  /** redis+sentinel:// */
  readonly url: string;
  /** The first primary. */
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  /** Has the sentinel make the replica the primary, and resolves when it says that it is. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSentinelledRedis(options: RedisOptions = {}): Promise<SentinelledRedis> {
  const config = { 'repl-diskless-sync-delay': '0', ...options.config };
  const [primary, replica] = (await Promise.all([1, 2].map(() => startRedis({ ...options, config })))) as [
    TestRedis,
    TestRedis,
  ];
  await redisCommand(replica, 'REPLICAOF', '127.0.0.1', primary.port);
  await eventually(
    async () => String(await redisCommand(replica, 'INFO', 'replication')).includes('master_link_status:up'),
    { what: 'the replica has everything', timeoutMs: 20_000 },
  );
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'carillon-sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 5000`,
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  const sentinel = await startProcess({
    command: findProgram('redis-server')!,
    args: [file, '--sentinel'],
    readyPattern: /monitor master/,
  });
  const says = async (what: string): Promise<readonly string[]> =>
    ((await redisCommand({ port }, 'SENTINEL', what, NAME)) as string[] | null) ?? [];
  await eventually(async () => (await says('replicas')).length > 0, {
    what: 'the sentinel knows the replica',
    timeoutMs: 20_000,
  });
  return {
    url: `redis+sentinel://127.0.0.1:${port}/${NAME}`,
    primary,
    replica,
    failOver: async () => {
      await eventually(
        () =>
          says('failover').then(
            () => true,
            () => false,
          ), // refused until it knows that the replica is good
        { what: 'a failover begins', timeoutMs: 20_000 },
      );
      await eventually(async () => (await says('get-master-addr-by-name'))[1] === String(replica.port), {
        what: 'the replica is the primary',
        timeoutMs: 20_000,
      });
    },
    stop: async () => {
      await sentinel.kill();
      await Promise.all([primary.stop(), replica.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
