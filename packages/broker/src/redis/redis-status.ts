import type { Redis } from 'ioredis';
import type { BrokerStatus } from '../ports.ts';

/** Share of maxmemory from which on it is a problem. */
const HIGH_WATER = 0.85;

/** Is Redis there, and is it set up as a log has to be? */
export async function redisStatus(redis: Redis, isVerified: boolean): Promise<BrokerStatus> {
  if (redis.status !== 'ready')
    return { kind: 'redis', ready: false, problems: [`the connection to Redis is ${redis.status}`] };
  try {
    const info = await redis.info();
    const value = (name: string): string | undefined =>
      new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    const problems: string[] = [];
    if (value('role') !== 'master')
      problems.push(`Redis is a ${value('role')}, not the master: writes are refused`);
    if (!isVerified)
      problems.push(
        'it is not known yet whether this Redis has all messages that were accepted: the other gateways are asked',
      );
    const policy = value('maxmemory_policy');
    if (policy !== undefined && policy !== 'noeviction')
      problems.push(`maxmemory-policy is ${policy}: Redis may throw messages away. Set it to noeviction`);
    // 0: no limit.
    const limit = Number(value('maxmemory') ?? 0);
    const share = limit > 0 ? Number(value('used_memory')) / limit : 0;
    const isFull = share >= 1;
    if (share > HIGH_WATER)
      problems.push(
        `Redis uses ${Math.round(share * 100)} % of its maxmemory${isFull ? ': publishes are refused' : ''}. Give it more, or find out why storage lags`,
      );
    if (value('aof_enabled') === '0')
      problems.push(
        'the append-only file is off: a restart of Redis loses messages that are not stored yet. Set appendonly yes',
      );
    return {
      kind: 'redis',
      ready: isVerified && !isFull && value('role') === 'master' && value('loading') === '0',
      problems,
    };
  } catch (error) {
    return {
      kind: 'redis',
      ready: false,
      problems: [`Redis does not answer: ${error instanceof Error ? error.message : error}`],
    };
  }
}
