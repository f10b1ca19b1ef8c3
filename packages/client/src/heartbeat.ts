/**
 * Finds dead connections and measures the round trip. A page can't see the server's protocol-level pings, so the client
 * sends `ping` frames of its own.
 */
export interface HeartbeatDeps {
  /** Sends a ping; its answer goes to {@link Heartbeat.onPong}. */
  readonly sendPing: () => void;
  readonly onLatency: (roundTripMs: number) => void;
  /** Nothing was heard for `pongTimeoutMs` after a ping. */
  readonly onDead: () => void;
  readonly pongTimeoutMs: number;
}

export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #interval: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pingAt = 0;

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
    this.#deadline = setTimeout(this.#deps.onDead, this.#deps.pongTimeoutMs);
    this.#deps.sendPing();
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
