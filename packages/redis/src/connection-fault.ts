import type { Redis } from 'ioredis';

/** The connection to Redis can't be used. The message says why, and what to look at; `cause` is what Redis or the platform said. */
export class RedisConnectionError extends Error {
  readonly code = 'REDIS_CONNECTION_FAILED';
  /** A setting may be mended in Redis, too: connecting goes on. */
  readonly retryable = true;
  override readonly name = 'RedisConnectionError';
}

/** Causes by error text. The first match wins: a refused password is reported as such, whatever the command was. */
const CAUSES: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [/^LOADING\b/, 'Redis is reading its file (LOADING)'],
  [/^NOAUTH\b/, 'Redis asks for a password, and CARILLON_REDIS_URL has none'],
  [/^WRONGPASS\b/, 'Redis refuses the user or password of CARILLON_REDIS_URL'],
  [/^NOPERM\b/, 'the user of CARILLON_REDIS_URL may not do what is needed: see its ACL'],
  [/^ERR max number of clients/, 'Redis has no connection left: raise its maxclients'],
  [/^DENIED\b/, 'Redis is in protected mode and refuses other machines: give it a password or bind it'],
  [/ENOTFOUND|EAI_AGAIN/, 'the host name in CARILLON_REDIS_URL is not known'],
  [/ECONNREFUSED/, 'nothing listens there: is Redis up, and is the port in CARILLON_REDIS_URL right?'],
  [
    /ETIMEDOUT/,
    'no answer from there: a firewall, the wrong address, or no TLS at that port (redis:// instead of rediss://) in CARILLON_REDIS_URL',
  ],
  [
    /before secure TLS connection|wrong version number|packet length too long/,
    'there is no TLS at that port: is it redis:// instead of rediss:// in CARILLON_REDIS_URL?',
  ],
  [
    /certificate (?:required|verify)|CERT_|SELF_SIGNED|UNABLE_TO|certificate/i,
    'the certificate is not accepted: CARILLON_REDIS_TLS_CA_FILE names the authority, CARILLON_REDIS_TLS_CERT_FILE and _KEY_FILE what this side presents',
  ],
];

/** With TLS 1.3 a missing certificate is told after the handshake, and often only by closing the connection. */
const CLOSED_BY_PEER = /EPIPE|ECONNRESET|Connection is closed/;
const NO_CERTIFICATE =
  'Redis closes the connection before it is ready. Where it asks for a client certificate: CARILLON_REDIS_TLS_CERT_FILE and CARILLON_REDIS_TLS_KEY_FILE name one';

/** Errors of connections that never came about. */
const UNREACHED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

const faults = new WeakMap<Redis, RedisConnectionError>();

/**
 * Remembers what is wrong with a connection as long as it isn't ready, tells it in words, and lets no connection become ready whose database
 * was refused: the client library would go on in database 0, among somebody else's keys.
 */
export function watchConnection(redis: Redis, onFault: (error: Error) => void): void {
  let isGivenUp = false;
  redis.on('connect', () => {
    isGivenUp = false;
    // The server is reachable now: an earlier network error explains nothing that follows, e.g. that it is loading its
    // file.
    const { code } = (faults.get(redis)?.cause ?? {}) as { readonly code?: unknown };
    if (UNREACHED.has(String(code))) faults.delete(redis);
  });
  redis.on('ready', () => faults.delete(redis));
  redis.on('error', (error: Error) => {
    // Later errors of a connection that was given up are consequences of the first.
    if (isGivenUp) return;
    const isSettingUp = redis.options.tls !== undefined && redis.status !== 'ready';
    const fault =
      isSettingUp && CLOSED_BY_PEER.test(error.message) && !/before secure TLS/.test(error.message)
        ? new RedisConnectionError(NO_CERTIFICATE, { cause: error })
        : describeRedisFault(error);
    faults.set(redis, fault);
    onFault(fault);
    if (!isRefusedDatabase(error)) return;
    isGivenUp = true;
    // The handshake is not over: its last question can't be sent any more.
    redis.disconnect(true);
  });
}

/** Why the connection isn't ready; `undefined` when it is, or has not failed yet. */
export function connectionFault(redis: Redis): RedisConnectionError | undefined {
  return faults.get(redis);
}

/** Translates an error of ioredis into its cause and remedy for the operator. */
export function describeRedisFault(error: Error): RedisConnectionError {
  if (error instanceof RedisConnectionError) return error;
  const said = `${(error as { code?: unknown }).code ?? ''} ${error.message}`;
  const cause = isRefusedDatabase(error)
    ? `database ${databaseOf(error)} of CARILLON_REDIS_URL can not be used: Redis has ${/out of range/.test(error.message) ? 'fewer (its setting databases)' : 'refused it'}`
    : CAUSES.find(([pattern]) => pattern.test(error.message) || pattern.test(said))?.[1];
  return new RedisConnectionError(cause ?? error.message, { cause: error });
}

interface RefusedCommand extends Error {
  readonly command?: { readonly name?: string; readonly args?: readonly unknown[] };
}

function isRefusedDatabase(error: RefusedCommand): boolean {
  return error.command?.name === 'select';
}

function databaseOf(error: RefusedCommand): string {
  return String(error.command?.args?.[0] ?? '?');
}
