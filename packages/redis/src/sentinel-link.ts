import type { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import type { Endpoint, SentinelAddress } from './address.ts';
import { given } from './cluster-nodes.ts';

const MAX_RETRY_DELAY_MS = 1000;
/** Sentinels that one of them names; more are not needed. */
const MAX_PEERS = 16;

/** Channels that sentinels publish failover steps on. Each event leads to a query; none is trusted by itself. */
const EVENTS = ['+selected-slave', '+promoted-slave', '+switch-master', '+config-update-from'] as const;

/** One sentinel's view of the primary. */
export interface SentinelAnswer {
  readonly primary: Endpoint;
  /** Each failover has a higher one: of two answers the one with the higher is newer. */
  readonly configEpoch: number;
}

interface SentinelPeer {
  readonly endpoint: Endpoint;
  readonly id: string;
}

export interface SentinelLinkOptions {
  readonly address: SentinelAddress;
  readonly timeoutMs: number;
  /** `event` is one of the above, about the primary that `address` names. */
  readonly onEvent: (event: string) => void;
  /** Connected, and told of events from now on. */
  readonly onReady: (link: SentinelLink) => void;
}

/** One sentinel: a connection that stays, for questions and for what it publishes. */
export class SentinelLink {
  readonly endpoint: Endpoint;
  /** Was it named by another sentinel, and not by the URL? */
  readonly isPeer: boolean;
  /**
   * Run id of the sentinel, whatever its address; `undefined` before the first connection, and for users who may not
   * ask.
   */
  id: string | undefined;
  readonly #options: SentinelLinkOptions;
  readonly #redis: Redis;
  #fault: Error | undefined;
  #isReady = false;
  #lostMs = performance.now();

  constructor(endpoint: Endpoint, isPeer: boolean, options: SentinelLinkOptions) {
    this.endpoint = endpoint;
    this.isPeer = isPeer;
    this.#options = options;
    this.#redis = new Redis({ ...settingsOf(options), host: endpoint.host, port: endpoint.port });
    this.#redis.on('error', (error: Error) => {
      this.#fault = error;
    });
    this.#redis.on('message', (event: string, text: string) => this.#heard(event, text));
    this.#redis.on('ready', () => void this.#begin());
    this.#redis.on('close', () => {
      if (this.#isReady) this.#lostMs = performance.now();
      this.#isReady = false;
    });
    this.#redis.connect().catch(() => undefined); // `error` has it, the retry goes on
  }

  /** @throws Error when it isn't there, or knows no primary of that name */
  async ask(): Promise<SentinelAnswer> {
    const { name } = this.#options.address;
    await this.#untilReady();
    try {
      // In this order: during a failover an old number beside a new address is put right by the next question, a new one beside the old address not.
      const [master, primary] = await Promise.all([
        this.#redis.call('SENTINEL', 'MASTER', name).catch(unlessRefused),
        this.#redis.call('SENTINEL', 'get-master-addr-by-name', name) as Promise<readonly string[] | null>,
      ]);
      if (primary === null) throw new Error(`it knows no primary that is called ${name}`);
      this.#fault = undefined;
      const configEpoch = Number(fieldsOf(master)['config-epoch'] ?? 0);
      return { primary: { host: primary[0]!, port: Number(primary[1]) }, configEpoch };
    } catch (error) {
      // The connection may be half open, and would stay so.
      if (/timed out/.test(String(error))) this.#redis.disconnect(true);
      throw error;
    }
  }

  /** The others that watch the same primary, as far as it knows. */
  async peers(): Promise<readonly SentinelPeer[]> {
    const peers = await this.#redis.call('SENTINEL', 'SENTINELS', this.#options.address.name);
    return (peers as readonly unknown[]).slice(0, MAX_PEERS).map((peer) => {
      const { ip, port, runid } = fieldsOf(peer);
      return { endpoint: { host: String(ip), port: Number(port) }, id: String(runid) };
    });
  }

  /** Does it keep the process alive? */
  hold(isHeld: boolean): void {
    const socket = this.#redis.stream as Socket | undefined;
    if (isHeld) socket?.ref();
    else socket?.unref();
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** For how long there has been no connection to it. */
  get awayMs(): number {
    return this.#isReady ? 0 : performance.now() - this.#lostMs;
  }

  /** A user who may not subscribe is left with the questions. */
  async #begin(): Promise<void> {
    this.#isReady = true;
    const [id] = await Promise.all([
      this.#redis.call('SENTINEL', 'MYID').catch(() => undefined),
      this.#redis.subscribe(...EVENTS).catch(() => undefined),
    ]);
    this.id = id === undefined ? undefined : String(id);
    this.#options.onReady(this);
  }

  /** `+switch-master` begins with the name; the others say `slave <its name> <ip> <port> @ <name> ...`, or `master <name> ...` */
  #heard(event: string, text: string): void {
    const words = text.split(' ');
    const at = words.indexOf('@');
    const name = event === '+switch-master' ? words[0] : at < 0 ? words[1] : words[at + 1];
    if (name === this.#options.address.name) this.#options.onEvent(event);
  }

  /** At once when it refuses; an attempt that is under way is waited for. */
  async #untilReady(): Promise<void> {
    const redis = this.#redis;
    if (redis.status === 'ready') return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onClose = (): void => reject(this.#fault ?? new Error('it ended the connection'));
    const timer = setTimeout(
      () => reject(this.#fault ?? new Error(`no connection within ${this.#options.timeoutMs} ms`)),
      this.#options.timeoutMs,
    );
    redis.once('ready', resolve).once('close', onClose);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      redis.off('ready', resolve).off('close', onClose);
    }
  }
}

function settingsOf({ address, timeoutMs }: SentinelLinkOptions) {
  return {
    ...(address.sentinelPassword !== undefined && { password: address.sentinelPassword }),
    ...(address.tls !== undefined && { tls: given(address.tls) }),
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    connectionName: 'carillon-watch',
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: (attempt: number) =>
      Math.min(MAX_RETRY_DELAY_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  } satisfies RedisOptions;
}

/** A user who may ask for the address alone has no numbers; then the most common answer counts. */
function unlessRefused(error: Error): undefined {
  if (/^NOPERM/.test(error.message)) return undefined;
  throw error;
}

/** A map, or as RESP2 has it: names and values in turns. */
function fieldsOf(reply: unknown): Readonly<Record<string, unknown>> {
  if (reply instanceof Map) return Object.fromEntries(reply);
  if (!Array.isArray(reply)) return (reply ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]),
  );
}
