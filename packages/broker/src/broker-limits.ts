/** Bounds and times of a broker; the same in all processes of an installation. */
export interface BrokerLimits {
  /** Up to this many interested gateways a channel is in the direct lane. Default 8. */
  readonly directLaneMaxGateways: number;
  /** Producer sequences remembered per producer and channel. Default 256. */
  readonly producerWindow: number;
  /** How long a silent producer is remembered at least. Default 10 min. */
  readonly producerTtlMs: number;
  /** A gateway's stream is cut to about this many entries per partition; what is cut is healed from history. Default 16384. */
  readonly feedMaxEntries: number;
  /** Log entries per partition beyond which durable publishes are refused with LOG_FULL. Default 1,000,000. */
  readonly logMaxEntries: number;
  /** How often a gateway says it is alive. Default 2000. */
  readonly gatewayHeartbeatMs: number;
  /** How long a channel without interest and history keeps its epoch and seq. Default 24 h. */
  readonly channelIdleTtlMs: number;
}
