import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** Waiting doesn't help: a setting has to be changed. */
export class PartitionsDifferError extends Error {
  override readonly name = 'PartitionsDifferError';
  readonly code = 'PARTITIONS_DIFFER';
  readonly retryable = false;
}

/**
 * The first service to come says how many partitions there are. With another number a channel would lie in two places, and its messages would
 * be numbered twice. @throws PartitionsDifferError that names both numbers
 */
export async function agreeOnPartitions(redis: Redis, keys: Keys, partitions: number): Promise<void> {
  const agreed = await redis.set(keys.partitions(), partitions, 'NX', 'GET');
  if (agreed === null || Number(agreed) === partitions) return;
  throw new PartitionsDifferError(
    `This installation has ${agreed} partitions (key ${keys.partitions()} in Redis), and this service is set to ${partitions}. Their number is fixed for the life of an installation: set CARILLON_PARTITIONS=${agreed} for all services.`,
  );
}
