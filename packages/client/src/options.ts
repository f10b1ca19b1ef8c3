import type { BatchRequest } from '@carillon/protocol';
import { type Backoff, DEFAULT_BACKOFF } from './backoff.ts';
import type { ConnectionMonitor, MonitoredClient } from './connection-monitor.ts';
import { type Encoding, JSON_ENCODING } from './encoding.ts';
import { checkNames, type RealtimeError, wrongOption } from './errors.ts';
import { type SocketConstructor, socketUrl } from './socket.ts';
import type { StateStorage } from './state-storage.ts';
import { suspendClock } from './suspend-clock.ts';

/** Why a token is asked for. */
export interface TokenRequest {
  /**
   * `first`: no token yet. `expiring`: the one in use expires soon; the new one replaces it on the live connection.
   * `expired`: the last one has run out. `refused`: the server refused the last one.
   */
  readonly reason: 'first' | 'expiring' | 'expired' | 'refused';
  /** With `refused`: what the server said. */
  readonly error?: RealtimeError;
}

export interface RealtimeClientOptions {
  /** Address of the gateway, e.g. `wss://rt.example.com`. Without a path `/v1/ws` is used. In a page it may be relative. */
  readonly url: string;
  /** A fixed token. Refused or expired: the client gives up. Neither `token` nor `getToken`: an anonymous client. */
  readonly token?: string;
  /** Fetches a token: at the first connect, before the last one expires, and when the server refused it. */
  readonly getToken?: (request: TokenRequest) => string | Promise<string>;
  /** A token with this long left is replaced, in milliseconds. Default 300,000; one that lives shorter, at half of its life. */
  readonly refreshThresholdMs?: number;
  /** Delays between attempts. Default 1 s, doubled up to 30 s, full jitter. */
  readonly backoff?: Partial<Backoff>;
  /** Attempts in a row before `gaveUp`. Default: no limit. */
  readonly maxAttempts?: number;
  /** Time for one attempt, from the first byte to `connected`, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How often the round trip is measured, in milliseconds; less than 100 is taken for 100. Default: the server's ping interval. */
  readonly pingIntervalMs?: number;
  /** With nothing heard for this long after a ping the connection is taken for dead. Default 10,000. */
  readonly pongTimeoutMs?: number;
  /** Time for `history` to be answered, reconnects included, in milliseconds. Default 15,000. */
  readonly requestTimeoutMs?: number;
  /** Publishes that may wait for their answer. More are refused with `OUTBOX_FULL`. Default 1000 messages, 4 MiB. */
  readonly outbox?: { readonly maxMessages?: number; readonly maxBytes?: number };
  /** How long the server remembers a silent producer (`producerTtlMs` there), in milliseconds. Default 10 min. */
  readonly producerTtlMs?: number;
  /**
   * Keeps positions and waiting publishes over a reload of the page. Default: nothing is kept. In a page: `browserStorage()`, elsewhere `plainStorage()`.
   */
  readonly storage?: StateStorage;
  /** Name of what is kept in `storage`. Clients for different servers or users on one page need different names. Default `carillon`. */
  readonly storageKey?: string;
  /** A state older than this is not used, in milliseconds. Default 300,000, at most half of `producerTtlMs`. */
  readonly stateMaxAgeMs?: number;
  /** Remembers what the connection goes through, and says what is probably wrong: `connectionMonitor()`. Default: none. */
  readonly monitor?: (client: MonitoredClient) => ConnectionMonitor;
  /** How frames go over the wire. Default JSON. `protobuf` of `@carillon/client/protobuf`, `jsonWithBytes` of `@carillon/client/bytes`. */
  readonly encoding?: Encoding;
  /**
   * Messages come in batches, which costs less and takes longer: at most `size` (1 to 1000, default 50) that wait at most `delayMs`
   * (1 to 5000, default 100). `{}` is the defaults. Default: one by one.
   */
  readonly batch?: BatchRequest;
  /** W3C traceparent for a publish or a request that brings none, by channel or method, e.g. from OpenTelemetry's active span. */
  readonly traceparent?: (channel: string) => string | undefined;
  /** Name and version of the application, shown in the server's list of connections. */
  readonly client?: { readonly name: string; readonly version: string };
  /** Instead of the global `WebSocket`. */
  readonly webSocket?: SocketConstructor;
  /** Source of the jitter, 0 up to but not including 1. */
  readonly random?: () => number;
}

export interface ResolvedOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly getToken: RealtimeClientOptions['getToken'];
  readonly refreshThresholdMs: number;
  readonly backoff: Backoff;
  readonly maxAttempts: number;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number | undefined;
  readonly pongTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly producerTtlMs: number;
  readonly storage: StateStorage | undefined;
  readonly storageKey: string;
  readonly stateMaxAgeMs: number;
  readonly encoding: Encoding;
  readonly batch: BatchRequest | undefined;
  readonly traceparent: (channel: string) => string | undefined;
  readonly client: { readonly name: string; readonly version: string } | undefined;
  readonly webSocket: SocketConstructor;
  readonly random: () => number;
  /** For the age of what was sent. */
  readonly now: () => number;
}

/** A longer timer would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws TypeError for what JavaScript, or a setting read from somewhere, may give although the types forbid it. */
function checkTypes(options: object): void {
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined) continue;
    const is = typeof given;
    const max = /Ms$/.test(name) ? MAX_TIMER_MS : Infinity;
    // Of a token only its type is said: it may be a secret.
    if (name === 'token' && is !== 'string') throw wrongOption(name, is, 'a string');
    if (name === 'getToken' && is !== 'function') throw wrongOption(name, is, 'a function');
    if (/Ms$|^max|^fac/.test(name) && !(is === 'number' && given >= 1 && given <= max))
      throw wrongOption(name, `${given} (${is})`, `a number from 1 to ${max}`);
  }
}

/** @throws TypeError that names the option, what was given, and what is allowed. */
export function resolveOptions(options: RealtimeClientOptions): ResolvedOptions {
  const { storage, backoff = {}, outbox = {} } = options;
  checkNames(backoff, Object.keys(DEFAULT_BACKOFF).join(' '));
  checkNames(outbox, 'maxMessages maxBytes');
  if (storage !== undefined && typeof storage.keep !== 'function')
    throw wrongOption('storage', typeof storage, 'browserStorage() or plainStorage(items)');
  // The names in them are unique, too.
  checkTypes({ ...options, ...options.backoff, ...options.outbox });
  if (options.token !== undefined && options.getToken !== undefined) {
    throw new TypeError('Give token or getToken, not both');
  }
  const webSocket = options.webSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
  if (webSocket === undefined) throw new TypeError('No global WebSocket: pass one as webSocket');
  const resolved: ResolvedOptions = {
    url: socketUrl(options.url),
    token: options.token,
    getToken: options.getToken,
    refreshThresholdMs: options.refreshThresholdMs ?? 300_000,
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
    maxAttempts: options.maxAttempts ?? Infinity,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    pingIntervalMs: options.pingIntervalMs && Math.max(100, options.pingIntervalMs),
    pongTimeoutMs: options.pongTimeoutMs ?? 10_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    maxMessages: options.outbox?.maxMessages ?? 1_000,
    maxBytes: options.outbox?.maxBytes ?? 4 * 1024 * 1024,
    producerTtlMs: options.producerTtlMs ?? 600_000,
    storage: options.storage,
    storageKey: options.storageKey ?? 'carillon',
    stateMaxAgeMs: Math.min(options.stateMaxAgeMs ?? 300_000, (options.producerTtlMs ?? 600_000) / 2),
    encoding: options.encoding ?? JSON_ENCODING,
    batch: options.batch,
    traceparent: options.traceparent ?? (() => undefined),
    client: options.client,
    webSocket,
    random: options.random ?? Math.random,
    now: suspendClock(),
  };
  const names = Object.keys(resolved).filter((name) => !/^max[MB]|^now/.test(name));
  checkNames(options, `${names.join(' ')} outbox monitor`);
  return resolved;
}
