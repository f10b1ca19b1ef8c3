import { connectionFault } from '@carillon/redis';
import type { Redis } from 'ioredis';
import type { BrokerStatus } from '../ports.ts';

/** Share of maxmemory from which on it is a problem. */
const HIGH_WATER = 0.85;

export interface StatusQuestion {
  /** Is it known that this Redis has all that was accepted? */
  readonly isVerified: boolean;
  /** Mechanism that may replace the server by another one, if there is any. */
  readonly failover: 'sentinel' | 'cluster' | undefined;
  /** Found elsewhere; they make nothing unready. */
  readonly otherProblems: readonly string[];
}

interface Problem {
  readonly text: string;
  /** Are publishes refused because of it? */
  readonly refuses: boolean;
}

type ValueOf = (name: string) => string | undefined;

/** Is Redis there, and is it set up as a log has to be? */
export async function redisStatus(redis: Redis, question: StatusQuestion): Promise<BrokerStatus> {
  const { otherProblems } = question;
  const away = (problem: string): BrokerStatus => ({
    kind: 'redis',
    ready: false,
    problems: [problem, ...otherProblems],
  });
  if (redis.status !== 'ready') return away(notReady(redis));
  try {
    const info = await redis.info();
    const value: ValueOf = (name) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    const disk = await diskProblem(redis, value);
    const problems = [...problemsOf(value, question), ...(disk === undefined ? [] : [disk])];
    return {
      kind: 'redis',
      ready: value('loading') === '0' && !problems.some(({ refuses }) => refuses),
      problems: [...problems.map(({ text }) => text), ...otherProblems],
    };
  } catch (error) {
    return away(`Redis does not answer: ${error instanceof Error ? error.message : error}`);
  }
}

function problemsOf(value: ValueOf, { isVerified, failover }: StatusQuestion): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (text: string, refuses = false): number => problems.push({ text, refuses });
  if (value('role') !== 'master')
    add(`Redis is a ${value('role')}, not the master: writes are refused`, true);
  if (!isVerified)
    add(
      'this Redis is another process than before: it is being compared with the database, and durable messages are refused meanwhile. Persistence does it: does it run?',
      true,
    );
  const policy = value('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction')
    add(`maxmemory-policy is ${policy}: Redis may throw messages away. Set it to noeviction`);
  // 0: no limit.
  const limit = Number(value('maxmemory') ?? 0);
  const share = limit > 0 ? Number(value('used_memory')) / limit : 0;
  const isFull = share >= 1;
  if (share > HIGH_WATER)
    add(
      `Redis uses ${Math.round(share * 100)} % of its maxmemory${isFull ? ': publishes are refused' : ''}. Give it more, or find out why storage lags`,
      isFull,
    );
  if (value('aof_enabled') === '0')
    add(
      'the append-only file is off: a restart of Redis loses messages that are not stored yet. Set appendonly yes',
    );
  return value('role') === 'master' ? [...problems, ...replicaProblems(value, failover)] : problems;
}

/** Redis says how many replicas are good only where it is set how many there have to be. */
function replicaProblems(value: ValueOf, failover: StatusQuestion['failover']): readonly Problem[] {
  const good = value('min_slaves_good_slaves');
  if (good === '0')
    return [
      {
        text: 'no replica is near enough for min-replicas-to-write: publishes are refused (NOREPLICAS). Look at the replicas, and at the network between them and this primary',
        refuses: true,
      },
    ];
  // In a cluster a primary without replicas is replaced by nobody.
  const isReplaced =
    failover === 'sentinel' || (failover === 'cluster' && Number(value('connected_slaves')) > 0);
  if (good !== undefined || !isReplaced) return [];
  return [
    {
      text: 'min-replicas-to-write is 0: a primary that is cut off from its replicas, and is replaced, goes on accepting messages that will be lost. Set min-replicas-to-write 1, and min-replicas-max-lag below the time after which it is replaced',
      refuses: false,
    },
  ];
}

/** Said by a Redis that is there, and stays that way. */
const REFUSED = /password|ACL|maxclients|protected mode|database|TLS|certificate|LOADING/;

function notReady(redis: Redis): string {
  const fault = connectionFault(redis);
  if (fault !== undefined) {
    const said = fault.cause instanceof Error ? fault.cause.message : '';
    const text = `there is no connection to Redis: ${fault.message}${said === '' || said === fault.message ? '' : ` (${said})`}`;
    // A Redis that starts refuses, closes or answers late, one after the other, until it has read its file.
    return REFUSED.test(fault.message) ? text : `${text}; or it is reading its file (LOADING)`;
  }
  return redis.status === 'connect'
    ? 'Redis takes connections and is not ready: it may be reading its file (LOADING)'
    : `there is no connection to Redis: it is ${redis.status}`;
}

/** After a failed write Redis refuses all others with MISCONF; after a failed snapshot, where it is set to. */
async function diskProblem(redis: Redis, value: ValueOf): Promise<Problem | undefined> {
  if (value('aof_last_write_status') === 'err')
    return {
      text: 'Redis can not write its append-only file (aof_last_write_status is err): publishes are refused (MISCONF). Its disk is full, or the folder can not be written; it goes on by itself when it can',
      refuses: true,
    };
  if (value('rdb_last_bgsave_status') !== 'err') return undefined;
  const text = 'the last snapshot of Redis failed (rdb_last_bgsave_status is err)';
  const refuses = await stopsWrites(redis);
  if (refuses)
    return {
      text: `${text}: publishes are refused (MISCONF) although the append-only file may be fine. Its disk is full, or the folder can not be written, or a fork had no memory; set save "" to have no snapshots`,
      refuses,
    };
  return { text: `${text}: look at the space on its disk`, refuses };
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
