/** Where Redis is, as a URL says it. */

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Contents of PEM files, for a Redis with a private authority or one that asks its clients for a certificate. */
export interface RedisTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

interface Access {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Absent: the connection is not encrypted. */
  readonly tls: RedisTls | undefined;
}

export interface SingleAddress extends Access, Endpoint {
  readonly kind: 'single';
  readonly database: number;
  /** IP version, 0 for either. */
  readonly family: 0 | 4 | 6 | undefined;
}

export interface ClusterAddress extends Access {
  readonly kind: 'cluster';
  /** Some nodes of the cluster; the others are learnt from them. */
  readonly seeds: readonly Endpoint[];
}

export interface SentinelAddress extends Access {
  readonly kind: 'sentinel';
  readonly sentinels: readonly Endpoint[];
  /** Name of the primary in the sentinels' configuration. */
  readonly name: string;
  readonly database: number;
  readonly sentinelPassword: string | undefined;
}

export type RedisAddress = SingleAddress | ClusterAddress | SentinelAddress;

const DEFAULT_PORT = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;
const SHAPE =
  /^redis(?<tls>s?)(?:\+(?<kind>cluster|sentinel))?:\/\/(?:(?<access>[^/?#]*)@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^@?#]*))?(?:\?(?<query>[^#]*))?$/;

/**
 * `redis://host:port/database`, `redis+cluster://host:port,host:port` or `redis+sentinel://host:port,host:port/name`. An `s` after
 * `redis` means TLS. The client library is given the parts and never the URL: it takes a database that it can't read for database 0.
 * @throws TypeError that says what is wrong, without the password
 */
export function readRedisAddress(url: string, tls: RedisTls = {}): RedisAddress {
  const parts = SHAPE.exec(url)?.groups;
  if (parts === undefined)
    throw new TypeError(
      'expected redis://host:port/database, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name (rediss for TLS)',
    );
  const kind = (parts.kind ?? 'single') as keyof typeof DEFAULT_PORT;
  const access: Access = { ...readAccess(parts.access ?? ''), tls: parts.tls === 's' ? tls : undefined };
  const query = new URLSearchParams(parts.query ?? '');
  if (kind === 'single')
    return { kind, ...readEndpoint(parts.hosts!, 6379), ...readSingle(parts.path, query), ...access };
  const endpoints = parts.hosts!.split(',').map((text) => readEndpoint(text, DEFAULT_PORT[kind]));
  const [name = '', database] = (parts.path ?? '').split('/').map(decoded);
  if (kind === 'cluster') {
    if (name !== '') throw new TypeError('a cluster has one database, and its URL ends with the hosts');
    if (query.size > 0)
      throw new TypeError(`${[...query.keys()].join(', ')}: a cluster's URL has no parameters`);
    return { kind, seeds: endpoints, ...access };
  }
  if (name === '')
    throw new TypeError('the name that the sentinels have for the primary is missing: .../name');
  return {
    kind,
    sentinels: endpoints,
    name,
    database: readDatabase(database),
    sentinelPassword: readParameters(query),
    ...access,
  };
}

function readSingle(
  path: string | undefined,
  query: URLSearchParams,
): Pick<SingleAddress, 'database' | 'family'> {
  const unknown = [...query.keys()].filter((name) => name !== 'family');
  if (unknown.length > 0) throw new TypeError(`${unknown.join(', ')}: the only parameter is family`);
  const family = query.get('family');
  if (family !== null && !/^[046]$/.test(family)) throw new TypeError('family is 0, 4 or 6');
  return {
    database: readDatabase(path),
    family: family === null ? undefined : (Number(family) as 0 | 4 | 6),
  };
}

function readAccess(text: string): Pick<Access, 'username' | 'password'> {
  const colon = text.indexOf(':');
  const [user, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return {
    username: user === '' ? undefined : decoded(user),
    password: password === '' ? undefined : decoded(password),
  };
}

function readEndpoint(text: string, defaultPort: number): Endpoint {
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (host === undefined) throw new TypeError(`${JSON.stringify(text)} is no host:port`);
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65_535) throw new TypeError(`nobody can be reached at port ${number}`);
  return { host: host.replaceAll(/[[\]]/g, ''), port: number };
}

function readDatabase(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw new TypeError(`${JSON.stringify(text)} is no number of a database`);
  return Number(text);
}

function readParameters(query: URLSearchParams): string | undefined {
  const unknown = [...query.keys()].filter((name) => name !== 'sentinelPassword');
  if (unknown.length > 0)
    throw new TypeError(`${unknown.join(', ')}: the only parameter is sentinelPassword`);
  return query.get('sentinelPassword') ?? undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('a % in user, password or name has to be written as %25');
  }
}
