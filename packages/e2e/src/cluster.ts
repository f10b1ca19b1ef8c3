/**
 * A whole installation of real processes on this machine: Redis, Postgres, gateways, routers, persistence, admin. Each can be killed
 * and started again on the same port, as a supervisor would.
 */
import { startPostgres, startRedis, type TestPostgres, type TestRedis } from '@carillon/testing';
import { migrate, type Services, type ServicesOptions, startServices } from './services.ts';

export { ADMIN_TOKEN, JWT_SECRET, type Service } from './services.ts';

export interface ClusterOptions extends Omit<ServicesOptions, 'redisUrl' | 'databaseUrl'> {
  /** Redis without AOF, for tests that never restart it. */
  readonly appendonly?: boolean;
}

export interface Cluster extends Services {
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const redis = await startRedis({
    appendonly: options.appendonly ?? true,
    config: { appendfsync: 'always', 'maxmemory-policy': 'noeviction' },
  });
  const postgres = await startPostgres();
  await migrate(postgres.url);
  const services = await startServices({ ...options, redisUrl: redis.url, databaseUrl: postgres.url });
  const stop = async (): Promise<void> => {
    await services.stop();
    await redis.stop();
    await postgres.stop();
  };
  return { ...services, redis, postgres, stop };
}
