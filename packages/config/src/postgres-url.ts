import { misplacedCredentials } from './credentials-place.ts';
import type { Kind, Parsed } from './setting.ts';

/** Where Postgres is, as a URL says it. */
export interface PostgresAddress {
  /** Tried in turn. A host that begins with `/` is the folder of a unix socket. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** `undefined`: the URL doesn't say. */
  readonly encryption: 'off' | 'unverified' | 'verified' | undefined;
  /** Paths of PEM files: the authority, and what this side presents. */
  readonly files: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Settings of the session, as `-c name=value`. */
  readonly options: string | undefined;
  readonly applicationName: string | undefined;
  /** Only a server that takes writes will do. */
  readonly mustBeWritable: boolean;
}

const SHAPE =
  /^postgres(?:ql)?:\/\/(?:(?<access>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?:\/(?<database>[^@/?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+|%2[Ff][A-Za-z0-9_.%-]*)(?::(\d{1,5}))?$/;
const DEFAULT_PORT = 5432;
const DEFAULT_SOCKET = '/var/run/postgresql';
/** The modes between `disable` and `verify-full` let anybody in between listen: the certificate is checked for them, too. */
const ENCRYPTION = {
  disable: 'off',
  'no-verify': 'unverified',
  prefer: 'verified',
  require: 'verified',
  'verify-ca': 'verified',
  'verify-full': 'verified',
} as const;
const PARAMETERS = [
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'options',
  'application_name',
  'target_session_attrs',
  'uselibpqcompat',
];

/** One server, several, or a unix socket. */
export const postgresUrl: Kind<string> = {
  allowed:
    'postgres://user:password@host:port/database; several hosts with commas, a unix socket as /database?host=/folder',
  format: String,
  parse: (given): Parsed<string> => {
    try {
      readPostgresAddress(given);
      return { value: given };
    } catch (error) {
      return { fault: (error as Error).message };
    }
  },
};

/** @throws TypeError that says what is wrong, without the password */
export function readPostgresAddress(given: string): PostgresAddress {
  const misplaced = misplacedCredentials(given);
  if (misplaced !== undefined) throw new TypeError(misplaced);
  const parts = SHAPE.exec(given)?.groups;
  if (parts === undefined) throw new TypeError(shapeFault(given));
  const query = new URLSearchParams(parts.query ?? '');
  const unknown = [...query.keys()].filter((name) => !PARAMETERS.includes(name));
  if (unknown.length > 0)
    throw new TypeError(`${unknown.join(', ')} is no parameter that is known: ${PARAMETERS.join(', ')}`);
  const hosts = readHosts(parts.hosts!, query);
  const [user, password] = (parts.access ?? '').split(/:(.*)/s);
  const target = query.get('target_session_attrs');
  if (target !== null && !['any', 'read-write', 'primary'].includes(target))
    throw new TypeError('target_session_attrs is any, read-write or primary');
  return {
    hosts,
    user: decoded(user),
    password: decoded(password),
    database: decoded(parts.database),
    encryption: readEncryption(query),
    files: {
      ...file('ca', query.get('sslrootcert')),
      ...file('cert', query.get('sslcert')),
      ...file('key', query.get('sslkey')),
    },
    options: query.get('options') ?? undefined,
    applicationName: query.get('application_name') ?? undefined,
    mustBeWritable: target === null ? hosts.length > 1 : target !== 'any',
  };
}

function shapeFault(given: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1];
  if (scheme === undefined) return 'it is not a URL';
  return /^postgres(ql)?$/.test(scheme) ? 'its form is not that of a URL' : `its scheme is ${scheme}://`;
}

function readHosts(text: string, query: URLSearchParams): PostgresAddress['hosts'] {
  const named = query.get('host');
  if (text === '' && named === null) return [{ host: DEFAULT_SOCKET, port: readPort(query.get('port')) }];
  if (named === null) return text.split(',').map(readHost);
  if (text !== '') throw new TypeError('the host stands in the URL and in ?host=');
  const ports = (query.get('port') ?? '').split(',');
  return named.split(',').map((host, i) => ({ host, port: readPort(ports[i] ?? ports[0]) }));
}

function readHost(text: string): { host: string; port: number } {
  const [, host, port] = HOST.exec(text) ?? [];
  if (host === undefined)
    throw new TypeError('a host is not a name or address with a port: host:port,host:port');
  return { host: decodeURIComponent(host.replaceAll(/[[\]]/g, '')), port: readPort(port) };
}

function readPort(text: string | null | undefined): number {
  if (text === null || text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new TypeError(`${JSON.stringify(text)} is no port`);
  if (port === 0) throw new TypeError('nobody can be reached at port 0');
  return port;
}

function readEncryption(query: URLSearchParams): PostgresAddress['encryption'] {
  const mode = query.get('sslmode');
  if (mode === null) {
    if (!query.has('sslrootcert') && !query.has('sslcert')) return undefined;
    return 'verified';
  }
  if (!Object.hasOwn(ENCRYPTION, mode))
    throw new TypeError(
      `sslmode is ${JSON.stringify(mode)}, and may be ${Object.keys(ENCRYPTION).join(', ')}`,
    );
  // As the clients of Postgres' own library understand it, `require` checks nothing.
  if (query.get('uselibpqcompat') === 'true' && mode === 'require' && !query.has('sslrootcert'))
    return 'unverified';
  return ENCRYPTION[mode as keyof typeof ENCRYPTION];
}

function file(name: string, path: string | null): Record<string, string> {
  return path === null || path === '' ? {} : { [name]: path };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('a % in user, password or database has to be written as %25');
  }
}
