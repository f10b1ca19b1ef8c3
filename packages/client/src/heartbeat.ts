/**
 * Finds dead connections and measures the round trip. A page can't see the server's protocol-level pings, so the client
 * sends `ping` frames of its own.
 */
export interface HeartbeatDeps {
  /** Sends a ping; its answer goes to {@link Heartbeat.onPong}. */
  readonly sendPing: () => void;
  /** Bytes that the socket still holds. */
  readonly bufferedBytes: () => number;
  /** Bytes of frames that the server has not answered yet. */
  readonly unansweredBytes: () => number;
  readonly onLatency: (roundTripMs: number) => void;
  /** Nothing was heard for `pongTimeoutMs` after a ping. */
  readonly onDead: () => void;
  readonly pongTimeoutMs: number;
}

/**
 * The slowest uplink that is not taken for a dead one, in bytes per millisecond: what has left the socket may stand in the buffers of the
 * system and of the network, and a ping stands behind it.
 */
const SLOW_UPLINK = 4;
/** Bound of the extra time that many outstanding answers add to the heartbeat timeout. */
const MAX_EXTRA_MS = 60_000;

export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #interval: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pingAt = 0;
  /** Since when nothing moves, as far as one can see. */
  #stillSince = 0;
  #bufferedBefore = 0;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  start(intervalMs: number): void {
    this.stop();
    this.#interval = setInterval(() => this.probe(), intervalMs);
    this.probe();
  }

  /**
   * Asks now. The deadline runs from the ping and not from what was last heard: after a laptop's sleep, or in a background
   * tab, timers are late and "last heard" is old although the connection is fine.
   */
  probe(): void {
    if (this.#interval === undefined || this.#deadline !== undefined) return;
    this.#pingAt = performance.now();
    this.#deps.sendPing();
    this.#expect();
  }

  #expect(): void {
    this.#stillSince = performance.now();
    this.#bufferedBefore = this.#deps.bufferedBytes();
    this.#arm(this.#deps.pongTimeoutMs);
  }

  #arm(delayMs: number): void {
    this.#deadline = setTimeout(() => this.#expired(), delayMs);
  }

  /** On a slow uplink the ping may still be on its way: what the client sends itself makes no line dead. */
  #expired(): void {
    const { bufferedBytes, unansweredBytes, pongTimeoutMs, onDead } = this.#deps;
    const extraMs = Math.min(unansweredBytes() / SLOW_UPLINK, MAX_EXTRA_MS);
    const remainingMs = this.#stillSince + pongTimeoutMs + extraMs - performance.now();
    if (bufferedBytes() < this.#bufferedBefore) this.#expect();
    else if (remainingMs >= 1) this.#arm(remainingMs);
    else onDead();
  }

  /** Anything at all came from the server. */
  onHeard(): void {
    if (this.#deadline === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  onPong(): void {
    this.#deps.onLatency(performance.now() - this.#pingAt);
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
    this.#interval = undefined;
    this.#deadline = undefined;
  }
}
