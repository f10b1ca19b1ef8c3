import { CarillonError } from '@carillon/protocol';
import { connectionFault, type RedisTls, type RedisWay, watchConnection } from '@carillon/redis';
import { Redis, ReplyError } from 'ioredis';
import { NotSentError } from './pipelined/pipelined-connection.ts';
import { RedisReplyError } from './pipelined/resp-reader.ts';
import { loadScripts } from './scripts.ts';

export interface ConnectionOptions {
  /** Of a single Redis, of sentinels, or of a cluster. */
  readonly url: string;
  /** For `rediss`: what is trusted and presented besides the platform's authorities. */
  readonly tls?: RedisTls | undefined;
  /** A connection attempt that takes longer is given up and repeated. Default 2000. */
  readonly connectTimeoutMs?: number;
  /** A command without an answer for this long has failed; its outcome is unknown. Default 5000. */
  readonly commandTimeoutMs?: number;
}

interface ConnectingOptions extends Omit<ConnectionOptions, 'url' | 'tls'> {
  /** How to get there. */
  readonly way: RedisWay;
  /** Without an answer for this long, although one is due, the connection is made anew. Default: when the platform says that it is broken. */
  readonly silenceTimeoutMs?: number;
  /** Told of every error that Redis answers. */
  readonly onErrorReply?: (error: Error) => void;
}

export const DEFAULT_COMMAND_TIMEOUT_MS = 5000;
const MAX_RETRY_DELAY_MS = 2000;
/** A Redis that reads its file says how long that will take, and is often wrong. */
const MAX_LOADING_PAUSE_MS = 500;

/**
 * A connection that never repeats a command by itself and never keeps one for later: a publish that was sent and not answered has an
 * unknown outcome, and only the publisher, who has the sequence number, may repeat it.
 */
export function connect(options: ConnectingOptions, name: string, onError: (error: Error) => void): Redis {
  const { way, commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS } = options;
  // Another server may long have the place of one that stands still.
  const patience = way.host === undefined ? { silenceTimeoutMs: commandTimeoutMs } : {};
  const redis = connectBare({ ...options, ...patience }, name, onError);
  redis.on('ready', () => {
    loadScripts(redis).catch(onError);
  });
  return redis;
}

/** As `connect`, and nothing is sent once it is ready. */
export function connectBare(
  options: ConnectingOptions,
  name: string,
  onError: (error: Error) => void,
): Redis {
  const settings = {
    lazyConnect: true,
    connectionName: `carillon-${name}`,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    connectTimeout: options.connectTimeoutMs ?? 2000,
    maxLoadingRetryTime: MAX_LOADING_PAUSE_MS,
    commandTimeout: options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS,
    ...(options.silenceTimeoutMs === undefined ? {} : { socketTimeout: options.silenceTimeoutMs }),
    // The library asks here whether to connect again.
    reconnectOnError: (error: Error) => {
      options.onErrorReply?.(error);
      return false;
    },
    // Equal jitter: a restarted Redis isn't met by all processes at once.
    retryStrategy: (attempt: number) =>
      Math.min(MAX_RETRY_DELAY_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  };
  const redis = new Redis({ ...settings, ...options.way });
  watchConnection(redis, onError);
  return redis;
}

/** Resolves when the connection is ready, however often it has to be tried; rejects when `signal` aborts. */
export async function untilReady(redis: Redis, signal?: AbortSignal): Promise<void> {
  if (redis.status === 'ready') return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void =>
    reject(
      new CarillonError('UNAVAILABLE', 'Gave up waiting for Redis.', {
        cause: connectionFault(redis),
      }),
    );
  redis.once('ready', resolve);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (redis.status === 'wait') redis.connect().catch(() => undefined); // the `error` event reports it, the retry goes on
  try {
    await promise;
  } finally {
    redis.off('ready', resolve);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Was the command certainly not carried out? Redis said no, or it was never sent. */
export function wasNotDone(error: unknown): boolean {
  if (error instanceof ReplyError || error instanceof RedisReplyError || error instanceof NotSentError)
    return true;
  const message = error instanceof Error ? error.message : '';
  return message.includes("Stream isn't writeable") || message.includes('Connection is closed');
}

/** Errors of Redis in terms of the registry, for reads and for writes that may be repeated. */
export function unavailable(error: unknown): CarillonError {
  if (error instanceof CarillonError) return error;
  // The client library's own words for it, and its stack, say less.
  const isRefused = error instanceof ReplyError || error instanceof RedisReplyError;
  const isAway = !isRefused && wasNotDone(error);
  return isAway
    ? new CarillonError('UNAVAILABLE', 'Redis is away: there is no connection to it now.', {
        retryAfterMs: 1000,
      })
    : new CarillonError(
        'UNAVAILABLE',
        isRefused ? 'Redis refuses it now.' : 'The broker is not reachable now.',
        {
          cause: error,
          retryAfterMs: 1000,
        },
      );
}
