import { Redis } from 'ioredis';
import type { RedisAddress } from './address.ts';
import { connectionFault, describeRedisFault, watchConnection } from './connection-fault.ts';
import type { RedisWay } from './connection-options.ts';

/**
 * For clients that make their connections themselves, and would work in database 0 when theirs is refused. Resolves when the database can be
 * used. @throws RedisConnectionError
 */
export async function verifyDatabase(address: RedisAddress, way: RedisWay, timeoutMs: number): Promise<void> {
  if (address.kind === 'cluster' || address.database === 0) return;
  const redis = new Redis({
    ...way,
    lazyConnect: true,
    disableClientInfo: true,
    enableOfflineQueue: false,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: () => null,
  });
  watchConnection(redis, () => undefined);
  try {
    await redis.connect();
  } catch (error) {
    throw connectionFault(redis) ?? describeRedisFault(error as Error);
  } finally {
    redis.disconnect();
  }
}
