/** Where Redis is, as a URL says it. */

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Access {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isEncrypted: boolean;
}

export interface ClusterAddress extends Access {
  readonly kind: 'cluster';
  /** Some nodes of the cluster; the others are learnt from them. */
  readonly seeds: readonly Endpoint[];
}

export interface SentinelAddress extends Access {
  readonly kind: 'sentinel';
  readonly sentinels: readonly Endpoint[];
  /** What the sentinels call the primary. */
  readonly name: string;
  readonly database: number;
  readonly sentinelPassword: string | undefined;
}

export type RedisAddress =
  | { readonly kind: 'single'; readonly url: string }
  | ClusterAddress
  | SentinelAddress;

const DEFAULT_PORT = { cluster: 6379, sentinel: 26_379 } as const;
const SHAPE =
  /^redis(?<tls>s?)\+(?<kind>cluster|sentinel):\/\/(?:(?<access>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;

/**
 * `redis://` and `rediss://` are left to the client library; `redis+cluster://host:port,host:port` and
 * `redis+sentinel://host:port,host:port/name` are taken apart. An `s` after `redis` means TLS.
 * @throws TypeError that says what is wrong, without the password
 */
export function readRedisAddress(url: string): RedisAddress {
  if (!/^rediss?\+/.test(url)) return { kind: 'single', url };
  const parts = SHAPE.exec(url)?.groups;
  if (parts === undefined)
    throw new TypeError(
      'expected redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name (rediss+... for TLS)',
    );
  const kind = parts.kind as 'cluster' | 'sentinel';
  const access: Access = { ...readAccess(parts.access ?? ''), isEncrypted: parts.tls === 's' };
  const endpoints = parts.hosts!.split(',').map((text) => readEndpoint(text, DEFAULT_PORT[kind]));
  const [name = '', database] = (parts.path ?? '').split('/').map(decoded);
  const query = new URLSearchParams(parts.query ?? '');
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
  if (!/^\d{1,4}$/.test(text)) throw new TypeError(`${JSON.stringify(text)} is no number of a database`);
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
