import { misplacedCredentials } from './credentials-place.ts';
import { url } from './kinds.ts';
import type { Kind, Parsed } from './setting.ts';

const single = url('redis', 'rediss');
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/;
const SEVERAL = /^rediss?\+(?<kind>cluster|sentinel):\/\/(?:[^@/?#]*@)?(?<hosts>[^@/?#]+)(?<rest>[/?#].*)?$/;

/** One Redis, or `redis+cluster://host:port,host:port`, or `redis+sentinel://host:port,host:port/name`; `rediss` for TLS. */
export const redisUrl: Kind<string> = {
  allowed:
    'redis://host:port/database, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name; rediss for TLS',
  format: String,
  parse: (given): Parsed<string> => {
    const misplaced = misplacedCredentials(given);
    if (misplaced !== undefined) return { fault: misplaced };
    if (!/^rediss?\+/.test(given)) return parseSingle(given);
    const { kind, hosts = '', rest = '' } = SEVERAL.exec(given)?.groups ?? {};
    if (kind === undefined) return { fault: 'it is not redis+cluster:// or redis+sentinel:// with hosts' };
    const fault = hosts.split(',').map(hostFault).find(Boolean);
    if (fault !== undefined) return { fault };
    const restFault = kind === 'cluster' ? clusterFault(rest) : sentinelFault(rest);
    return restFault === undefined ? { value: given } : { fault: restFault };
  },
};

/** The client library would take anything for a database, and database 0 for one that it can't read. */
function parseSingle(given: string): Parsed<string> {
  const parsed = single.parse(given);
  if ('fault' in parsed) return parsed;
  const { hostname, pathname, searchParams, hash } = new URL(given);
  if (hostname === '') return { fault: 'the host is missing' };
  if (!/^(\/\d{0,5})?$/.test(pathname))
    return {
      fault: `the database is ${JSON.stringify(pathname.slice(1, 100))}, and Redis numbers its databases: 0, 1, 2, ...`,
    };
  const unknown = [...searchParams.keys()].filter((name) => name !== 'family');
  if (unknown.length > 0) return { fault: `${unknown.join(', ')}: the only parameter is family (0, 4 or 6)` };
  if (!/^[046]?$/.test(searchParams.get('family') ?? '')) return { fault: 'family is 0, 4 or 6' };
  return hash === '' ? parsed : { fault: 'a # in user or password has to be written as %23' };
}

function hostFault(text: string): string | undefined {
  const [, host, port] = HOST.exec(text) ?? [];
  if (host === undefined) return `${JSON.stringify(text.slice(0, 100))} is no host:port`;
  const isReachable = port === undefined || (Number(port) > 0 && Number(port) < 65_536);
  return isReachable ? undefined : `nobody can be reached at port ${port}`;
}

function clusterFault(rest: string): string | undefined {
  return rest === '' || rest === '/' ? undefined : 'a cluster has one database: its URL ends with the hosts';
}

function sentinelFault(rest: string): string | undefined {
  if (!/^\/[^/?#]+/.test(rest))
    return 'the name that the sentinels have for the primary is missing: .../name';
  return /^\/[^/?#]+(\/\d{0,4})?(\?sentinelPassword=[^&#]*)?$/.test(rest)
    ? undefined
    : 'after the name come /database and ?sentinelPassword=... at most';
}
