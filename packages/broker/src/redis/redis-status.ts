import { connectionFault } from '@carillon/redis';
import type { Redis } from 'ioredis';
import type { BrokerStatus } from '../ports.ts';

/** Share of maxmemory from which on it is a problem. */
const HIGH_WATER = 0.85;

/** Is Redis there, and is it set up as a log has to be? */
export async function redisStatus(redis: Redis, isVerified: boolean): Promise<BrokerStatus> {
  if (redis.status !== 'ready') return { kind: 'redis', ready: false, problems: [notReady(redis)] };
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
    const disk = await diskProblem(redis, value);
    if (disk !== undefined) problems.push(disk.text);
    return {
      kind: 'redis',
      ready:
        isVerified &&
        !isFull &&
        disk?.refuses !== true &&
        value('role') === 'master' &&
        value('loading') === '0',
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

function notReady(redis: Redis): string {
  const fault = connectionFault(redis);
  if (fault !== undefined) {
    const said = fault.cause instanceof Error ? fault.cause.message : '';
    return `there is no connection to Redis: ${fault.message}${said === '' || said === fault.message ? '' : ` (${said})`}`;
  }
  return redis.status === 'connect'
    ? 'Redis takes connections and is not ready: it may be reading its file (LOADING)'
    : `there is no connection to Redis: it is ${redis.status}`;
}

/** After a failed write Redis refuses all others with MISCONF; after a failed snapshot, where it is set to. */
async function diskProblem(
  redis: Redis,
  value: (name: string) => string | undefined,
): Promise<{ readonly text: string; readonly refuses: boolean } | undefined> {
  if (value('aof_last_write_status') === 'err')
    return {
      text: 'Redis can not write to its disk (aof_last_write_status is err): publishes are refused. Look at the space there',
      refuses: true,
    };
  if (value('rdb_last_bgsave_status') !== 'err') return undefined;
  const text = 'Redis can not write to its disk (rdb_last_bgsave_status is err)';
  const refuses = await stopsWrites(redis);
  if (refuses) return { text: `${text}: publishes are refused. Look at the space there`, refuses };
  return { text: `${text}: look at the space there`, refuses };
}

/** Does a failed snapshot stop all writes? `false`, too, where a user may not ask. */
async function stopsWrites(redis: Redis): Promise<boolean> {
  const setting = async (name: string): Promise<unknown> =>
    ((await redis.config('GET', name)) as unknown[])[1];
  try {
    const [stops, save] = await Promise.all(['stop-writes-on-bgsave-error', 'save'].map(setting));
    return stops === 'yes' && save !== '';
  } catch {
    return false; // CONFIG is not for everybody, with a service that somebody else runs
  }
}
