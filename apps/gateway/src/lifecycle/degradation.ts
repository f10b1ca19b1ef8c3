import type { PartitionId } from '@carillon/broker';
import { type Logger, METRICS, type Telemetry } from '@carillon/telemetry';
import { encodeFrame } from '../egress/server-frames.ts';
import type { Connections } from '../session/connections.ts';

/** [DG1] Is the broker away? Clients stay, are told, and what doesn't need the broker goes on. */
export class Degradation {
  readonly #connections: Connections;
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  #isDegraded = false;
  #isCutOff = false;
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

  /** Is the whole broker away? Else some of its partitions may be. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** The connection to the broker broke or came back, or that to some of its partitions: `away`, where not all are. */
  onConnection(up: boolean, away?: readonly PartitionId[]): void {
    if (this.#stopping) return;
    const wasDegraded = this.#isDegraded;
    const wasCutOff = this.#isCutOff;
    this.#isDegraded = !up;
    this.#isCutOff = !up && away === undefined;
    if (this.#isCutOff) {
      if (!wasCutOff)
        this.#logger.warn(
          'the broker is away: clients stay; only ephemeral namespaces are served, on this gateway alone, until it is back',
        );
    } else if (!up)
      this.#logger.warn(
        { partitions: away },
        'some partitions of the broker are away: clients stay; of the channels of these partitions only ephemeral ones are served, on this gateway alone, until they are back; all other channels are served',
      );
    else if (wasDegraded) this.#logger.info('the broker is back');
    if (wasDegraded !== this.#isDegraded) this.#tellClients();
  }

  #tellClients(): void {
    const frame = encodeFrame({ type: 'status', degraded: this.#isDegraded, timestamp: this.#nowMs() });
    for (const connection of this.#connections.all())
      if (connection.state === 'ready') connection.sendFrame(frame);
  }

  /** The end of the connection is meant from here on. */
  stop(): void {
    this.#stopping = true;
  }
}
