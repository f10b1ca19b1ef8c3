import {
  type ConnectionRecord,
  type EndedConnection,
  type Finding,
  findPatterns,
} from './disconnect-patterns.ts';
import { Emitter } from './emitter.ts';
import type { ClientEvents } from './events.ts';

/** Round trips of the last pings, in milliseconds. */
export interface LatencyStatistics {
  readonly count: number;
  readonly minMs: number;
  readonly avgMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly lastMs: number;
}

/** One event of the client, as it was emitted. */
export type LoggedEvent = {
  readonly [Name in keyof ClientEvents]: {
    readonly atMs: number;
    readonly name: Name;
    readonly event: ClientEvents[Name];
  };
}[keyof ClientEvents];

export interface MonitorReport {
  readonly connections: readonly ConnectionRecord[];
  readonly latency: LatencyStatistics | undefined;
  readonly findings: readonly Finding[];
  /** Since the monitor was made. */
  readonly counts: Readonly<Partial<Record<keyof ClientEvents, number>>>;
}

/** The part of a client that a monitor reads. */
export interface MonitoredClient {
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void;
}

interface NetworkTarget {
  addEventListener?(name: string, listener: () => void): void;
  readonly navigator?: {
    readonly connection?: { addEventListener?(name: string, listener: () => void): void };
  };
}

export interface MonitorOptions {
  /** Connections remembered. Default 50. */
  readonly maxConnections?: number;
  /** Round trips remembered. Default 200. */
  readonly maxLatencies?: number;
  /** Events remembered. Default 200. */
  readonly maxEvents?: number;
  /** Where changes of the network are told. Default: the page. */
  readonly network?: NetworkTarget;
}

const EVENTS: readonly (keyof ClientEvents)[] = [
  'state',
  'connected',
  'disconnected',
  'reconnecting',
  'gaveUp',
  'latency',
  'degraded',
  'notification',
  'tokenRefreshed',
  'authFailed',
  'rateLimit',
  'stateDiscarded',
  'restoredPublish',
  'recovered',
  'gap',
  'error',
];
/** Attempts in a row without a connection that are worth a word. */
const UNREACHABLE_ATTEMPTS = 3;
const AUTH_FAILURES = 2;
const RATE_LIMITS = 3;
const RECENTLY_MS = 300_000;
const HIGH_LATENCY_MS = 500;
const HIGH_LATENCY_SAMPLES = 10;

/** Remembers what a client's connection went through, and says what is probably wrong with it. Its memory is bounded. */
export class ConnectionMonitor {
  readonly #limits: Required<Omit<MonitorOptions, 'network'>>;
  readonly #connections: ConnectionRecord[] = [];
  readonly #latencies: number[] = [];
  readonly #log: LoggedEvent[] = [];
  readonly #counts: Partial<Record<keyof ClientEvents, number>> = {};
  readonly #emitter = new Emitter<{ finding: Finding }>();
  #told = new Set<string>();
  #networkChangedAtMs = -Infinity;
  #failedAttempts = 0;

  constructor(client: MonitoredClient, options: MonitorOptions = {}) {
    const { maxConnections = 50, maxLatencies = 200, maxEvents = 200 } = options;
    this.#limits = { maxConnections, maxLatencies, maxEvents };
    this.#listenToNetwork(options.network ?? (globalThis as NetworkTarget));
    for (const name of EVENTS) client.on(name, (event) => this.#remember(name, event));
    client.on('state', (event) => this.#onState(event));
    client.on('connected', ({ gateway }) => this.#onConnected(gateway));
    client.on('disconnected', (event) => this.#onDisconnected(event));
    client.on('latency', ({ roundTripMs }) => push(this.#latencies, roundTripMs, maxLatencies));
    for (const name of ['disconnected', 'reconnecting', 'authFailed', 'rateLimit', 'latency'] as const) {
      client.on(name, () => this.#tellFindings());
    }
  }

  /** The last connections, the newest last. */
  get connections(): readonly ConnectionRecord[] {
    return [...this.#connections];
  }

  /** The last events of the client, the newest last. */
  get events(): readonly LoggedEvent[] {
    return [...this.#log];
  }

  /** `undefined` before the first round trip. */
  get latency(): LatencyStatistics | undefined {
    return statisticsOf(this.#latencies);
  }

  /** Probable faults, as of now. Recomputed at each call. */
  get findings(): readonly Finding[] {
    const ended = this.#connections.filter((record): record is EndedConnection => record.code !== undefined);
    const found = findPatterns(ended, Date.now());
    const more = [this.#unreachable(), this.#authFailures(), this.#rateLimited(), this.#highLatency()];
    return [...found, ...more.filter((finding) => finding !== undefined)];
  }

  report(): MonitorReport {
    const { connections, latency, findings } = this;
    return { connections, latency, findings, counts: { ...this.#counts } };
  }

  /** Calls `listener` when a pattern shows itself, once until it is gone. Returns the function that takes it off again. */
  onFinding(listener: (finding: Finding) => void): () => void {
    return this.#emitter.on('finding', listener);
  }

  #listenToNetwork(target: NetworkTarget): void {
    const changed = () => {
      this.#networkChangedAtMs = Date.now();
    };
    target.addEventListener?.('online', changed);
    target.addEventListener?.('offline', changed);
    target.navigator?.connection?.addEventListener?.('change', changed);
  }

  #remember<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    // Round trips have a ring of their own, and would push everything else out of this one.
    if (name === 'latency') return;
    push(this.#log, { atMs: Date.now(), name, event } as LoggedEvent, this.#limits.maxEvents);
  }

  #onState({ state, previous }: ClientEvents['state']): void {
    if (previous === 'opening' || previous === 'handshaking') {
      if (state === 'waiting' || state === 'failed') this.#failedAttempts++;
    }
    if (state === 'connected' || state === 'closed') this.#failedAttempts = 0;
  }

  #onConnected(gateway: string): void {
    push(this.#connections, { connectedAtMs: Date.now(), gateway }, this.#limits.maxConnections);
  }

  #onDisconnected({ code, reason, willReconnect }: ClientEvents['disconnected']): void {
    const record = this.#connections.at(-1);
    if (record === undefined || record.code !== undefined) return;
    // The application wanted this end: it says nothing about the network.
    if (!willReconnect && code < 4_000) {
      this.#connections.pop();
      return;
    }
    const endedAtMs = Date.now();
    const changedMsBefore = endedAtMs - this.#networkChangedAtMs;
    this.#connections[this.#connections.length - 1] = {
      ...record,
      endedAtMs,
      ageMs: endedAtMs - record.connectedAtMs,
      code,
      reason,
      ...(changedMsBefore < RECENTLY_MS ? { networkChangedMsBefore: changedMsBefore } : {}),
    };
  }

  #tellFindings(): void {
    const { findings } = this;
    const fresh = findings.filter(({ pattern }) => !this.#told.has(pattern));
    this.#told = new Set(findings.map(({ pattern }) => pattern));
    for (const finding of fresh) this.#emitter.emit('finding', finding);
  }

  #recent<Name extends keyof ClientEvents>(name: Name): ClientEvents[Name][] {
    const sinceMs = Date.now() - RECENTLY_MS;
    return this.#log
      .filter((entry) => entry.name === name && entry.atMs >= sinceMs)
      .map(({ event }) => event as ClientEvents[Name]);
  }

  #unreachable(): Finding | undefined {
    if (this.#failedAttempts < UNREACHABLE_ATTEMPTS) return undefined;
    const last = this.#connections.at(-1)?.endedAtMs;
    const since = last === undefined ? 'no connection ever' : `none since ${new Date(last).toISOString()}`;
    return {
      pattern: 'unreachable',
      cause:
        'No connection can be made: the server is away, the address is wrong, or a proxy does not let WebSocket through.',
      evidence: `${this.#failedAttempts} attempts in a row failed; ${since}`,
      advice: 'Open the /health address of the gateway from the same device; check the url and the proxy.',
    };
  }

  #authFailures(): Finding | undefined {
    const failures = this.#recent('authFailed');
    if (failures.length < AUTH_FAILURES) return undefined;
    const { code, message } = failures.at(-1)!.error;
    return {
      pattern: 'auth-failures',
      cause: 'The server refuses the tokens, or none can be had.',
      evidence: `${failures.length} times within ${RECENTLY_MS / 60_000} min, last: ${code}, ${message}`,
      advice: 'Look at getToken and at what mints the tokens.',
    };
  }

  #rateLimited(): Finding | undefined {
    const limits = this.#recent('rateLimit');
    if (limits.length < RATE_LIMITS) return undefined;
    return {
      pattern: 'rate-limited',
      cause: 'This client sends more than it may.',
      evidence: `${limits.length} refusals within ${RECENTLY_MS / 60_000} min`,
      advice: 'Send less often (throttle, batch), or raise the limit for this user.',
    };
  }

  #highLatency(): Finding | undefined {
    const statistics = this.latency;
    if (statistics === undefined || statistics.count < HIGH_LATENCY_SAMPLES) return undefined;
    if (statistics.p95Ms < HIGH_LATENCY_MS) return undefined;
    const { p50Ms, p95Ms, count } = statistics;
    return {
      pattern: 'high-latency',
      cause: 'Answers take long: a slow network, a busy gateway, or a blocked main thread here.',
      evidence: `p50 ${Math.round(p50Ms)} ms, p95 ${Math.round(p95Ms)} ms of ${count} pings`,
      advice:
        "Compare with the gateway's own latency metrics; if those are low, it is the network or this page.",
    };
  }
}

/** For the client's option `monitor`. */
export function connectionMonitor(options?: MonitorOptions): (client: MonitoredClient) => ConnectionMonitor {
  return (client) => new ConnectionMonitor(client, options);
}

function push<T>(ring: T[], item: T, max: number): void {
  ring.push(item);
  if (ring.length > max) ring.shift();
}

function statisticsOf(samples: readonly number[]): LatencyStatistics | undefined {
  const lastMs = samples.at(-1);
  if (lastMs === undefined) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1]!;
  const avgMs = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return { count: samples.length, minMs: sorted[0]!, avgMs, p50Ms: at(0.5), p95Ms: at(0.95), lastMs };
}
