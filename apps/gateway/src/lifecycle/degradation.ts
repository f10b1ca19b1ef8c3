import { type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import { encodeFrame } from '../egress/server-frames.ts';
import type { Connections } from '../session/connections.ts';

/** [DG1] Is the broker away? Clients stay, are told, and what doesn't need the broker goes on. */
export class Degradation {
  readonly #connections: Connections;
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  #isDegraded = false;
  #stopping = false;

  /** @param nowMs the clock that all services share */
  constructor(connections: Connections, nowMs: () => number, telemetry: Telemetry) {
    this.#nowMs = nowMs;
    this.#connections = connections;
    this.#logger = telemetry.loggerOf('gateway');
    telemetry.metrics.gauge(METRICS.degraded, () => (this.#isDegraded ? 1 : 0));
  }

  get isDegraded(): boolean {
    return this.#isDegraded;
  }

  /** The connection to the broker broke or came back. */
  onConnection(up: boolean): void {
    if (this.#stopping || this.#isDegraded === !up) return;
    this.#isDegraded = !up;
    if (up) this.#logger.info('the broker is back');
    else
      this.#logger.warn(
        'the broker is away: clients stay; only ephemeral namespaces are served, on this gateway alone, until it is back',
      );
    const frame = encodeFrame({ type: 'status', degraded: !up, timestamp: this.#nowMs() });
    for (const connection of this.#connections.all())
      if (connection.state === 'ready') connection.sendFrame(frame);
  }

  /** The end of the connection is meant from here on. */
  stop(): void {
    this.#stopping = true;
  }
}
