/** Many connections that come, stay a moment and go. */

export interface CrowdClient {
  readonly port: number;
  readonly channel: string;
  readonly token: string;
}

export interface CrowdOpening {
  /** From the first packet of the first connection until the last one was subscribed. */
  readonly wallUs: number;
  /** Of the load. */
  readonly cpuUs: number;
  /** How long each connection took. */
  readonly timesUs: readonly number[];
  readonly problems: readonly string[];
}

export interface Crowd {
  /** All that takes time and isn't opening. */
  prepare(): Promise<void>;
  open(): Promise<CrowdOpening>;
  /** Resets all connections. */
  leave(): Promise<void>;
}
