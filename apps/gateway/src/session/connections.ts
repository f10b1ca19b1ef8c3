import { METRICS, type Telemetry } from '@carillon/telemetry';
import { encodeFrame } from '../egress/server-frames.ts';
import type { Connection } from './connection.ts';

/** Parts of a ping interval: in each, one share of the connections is looked at, so that pings don't come in waves. */
const SLOTS = 25;
/** Clients of a gateway that stops come back spread over this time. */
const RECONNECT_SPREAD_MS = 2000;

export interface HeartbeatSettings {
  readonly pingIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly authTimeoutMs: number;
  /** 0: clients are not told that their token expires soon. */
  readonly tokenExpiringMs: number;
}

/** All connections, and the one timer that serves all of them: pings, silent peers, clients that don't authenticate, expired tokens. */
export class Connections {
  readonly #settings: HeartbeatSettings;
  readonly #slots: readonly Set<Connection>[] = Array.from({ length: SLOTS }, () => new Set<Connection>());
  readonly #slotOf = new Map<Connection, Set<Connection>>();
  /** Not authenticated yet: looked at in every tick. Bounded by the number of connections. */
  readonly #greeting = new Set<Connection>();
  #timer: NodeJS.Timeout | undefined;
  #nextSlot = 0;

  constructor(settings: HeartbeatSettings, maxConnections: number, telemetry: Telemetry) {
    this.#settings = settings;
    telemetry.metrics.gauge(METRICS.connections, () => this.size);
    telemetry.metrics.gauge(METRICS.connectionsLimit, () => maxConnections);
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** Counts users; anonymous clients are not counted. */
  uniqueUsers(): number {
    return new Set(
      [...this.#slotOf.keys()].map(({ identity }) => identity?.userId).filter((user) => user !== undefined),
    ).size;
  }

  all(): Iterable<Connection> {
    return this.#slotOf.keys();
  }

  add(connection: Connection): void {
    const slot = this.#slots[this.size % SLOTS]!;
    slot.add(connection);
    this.#slotOf.set(connection, slot);
    this.#greeting.add(connection);
  }

  remove(connection: Connection): void {
    this.#slotOf.get(connection)?.delete(connection);
    this.#slotOf.delete(connection);
    this.#greeting.delete(connection);
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(performance.now()), this.#settings.pingIntervalMs / SLOTS);
  }

  /** Tells every client to come back elsewhere, and waits until they are gone or `timeoutMs` is over. */
  async drain(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer);
    const open = [...this.all()];
    const gone = Promise.all(
      open.map(({ webSocket }) => new Promise<void>((resolve) => webSocket.once('close', () => resolve()))),
    );
    for (const connection of open)
      connection.close('DRAINING', undefined, Math.round(Math.random() * RECONNECT_SPREAD_MS));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([gone, late]);
    clearTimeout(timer);
    for (const { webSocket } of this.all()) webSocket.terminate();
  }

  #tick(nowMs: number): void {
    this.#closeUnauthenticated(nowMs);
    const slot = this.#slots[this.#nextSlot]!;
    this.#nextSlot = (this.#nextSlot + 1) % SLOTS;
    const wallMs = Date.now();
    for (const connection of slot) this.#look(connection, nowMs, wallMs);
  }

  #closeUnauthenticated(nowMs: number): void {
    for (const connection of this.#greeting) {
      if (connection.state === 'ready' || connection.state === 'closing') this.#greeting.delete(connection);
      else if (nowMs - connection.openedAtMs > this.#settings.authTimeoutMs) connection.close('AUTH_TIMEOUT');
    }
  }

  #look(connection: Connection, nowMs: number, wallMs: number): void {
    const silentMs = nowMs - connection.lastHeardMs;
    const validUntilMs = connection.identity?.validUntilMs;
    if (silentMs > this.#settings.heartbeatTimeoutMs) {
      connection.close(
        'HEARTBEAT_TIMEOUT',
        `Nothing was heard from this client for ${Math.round(silentMs)} ms.`,
      );
    } else if (validUntilMs !== undefined && wallMs > validUntilMs) connection.close('TOKEN_EXPIRED');
    else {
      connection.ping();
      this.#warnOfExpiry(connection, wallMs);
    }
  }

  /** [RF4] Once per token. */
  #warnOfExpiry(connection: Connection, wallMs: number): void {
    const expiresAt = connection.identity?.expiresAtMs;
    if (expiresAt === undefined || connection.toldExpiring || connection.state !== 'ready') return;
    if (expiresAt - wallMs > this.#settings.tokenExpiringMs || this.#settings.tokenExpiringMs === 0) return;
    connection.toldExpiring = true;
    connection.sendFrame(encodeFrame({ type: 'token_expiring', expiresAt, timestamp: wallMs }));
  }
}
