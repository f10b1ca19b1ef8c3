import type { BrokerLimits } from './ports.ts';

/**
 * Redis keeps the record of a silent producer for so much longer than `producerTtlMs` promises. Its clock may be set forward, by a time
 * server or with a failover to another machine, and forgotten before its time a producer's repeat would be a second message.
 */
export const PRODUCER_TTL_SLACK_MS = 3_600_000;

export const DEFAULT_LIMITS: BrokerLimits = {
  directLaneMaxGateways: 8,
  producerWindow: 256,
  producerTtlMs: 600_000,
  feedMaxEntries: 16_384,
  logMaxEntries: 1_000_000,
  gatewayHeartbeatMs: 2000,
  channelIdleTtlMs: 86_400_000,
};
