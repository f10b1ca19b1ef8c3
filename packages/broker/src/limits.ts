import type { BrokerLimits } from './ports.ts';

export const DEFAULT_LIMITS: BrokerLimits = {
  directLaneMaxGateways: 8,
  producerWindow: 256,
  producerTtlMs: 600_000,
  feedMaxEntries: 16_384,
  logMaxEntries: 1_000_000,
  gatewayHeartbeatMs: 2000,
  channelIdleTtlMs: 86_400_000,
};
