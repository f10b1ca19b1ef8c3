import { group } from '../group.ts';
import { integer } from '../kinds.ts';
import { withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

/** How many beats of a gateway may be missing before it is taken for dead. */
const MIN_MISSED_HEARTBEATS = 2;

export const routingSettings = group({
  title: 'Routing',
  intro:
    'Used by gateway, router and persistence. All services of an installation use the same values. The names of the members are those of the broker.',
  settings: {
    directLaneMaxGateways: withDefault(integer(0, 1000, 'gateways'), 8, {
      variable: 'CARILLON_DIRECT_LANE_MAX_GATEWAYS',
      description:
        'A channel with subscribers on more gateways than this is carried by the routers; up to this the publish itself reaches them.',
      example: '8',
    }),
    // SDKs have up to 128 messages of a channel on their way; each has to be recognised when it is repeated.
    producerWindow: withDefault(integer(128, 4096, 'messages'), 256, {
      variable: 'CARILLON_PRODUCER_WINDOW',
      description: 'Publishes of one producer on one channel that are remembered to recognise repeats.',
      example: '256',
    }),
    producerTtlMs: withDefault(durationMs(1000, 7 * 86_400_000), 600_000, {
      variable: 'CARILLON_PRODUCER_TTL_MS',
      description: 'How long a silent producer is remembered.',
      example: '10m',
    }),
    feedMaxEntries: withDefault(integer(16, 10_000_000, 'entries'), 16_384, {
      variable: 'CARILLON_FEED_MAX_ENTRIES',
      description:
        "Length of a gateway's stream per partition. What a slow gateway misses it takes from history.",
      example: '16384',
    }),
    logMaxEntries: withDefault(integer(1, 1_000_000_000, 'entries'), 1_000_000, {
      variable: 'CARILLON_LOG_MAX_ENTRIES',
      description:
        'Messages per partition that may wait for Postgres. Beyond it, publishes to durable namespaces are refused as retryable; size the memory of Redis for it.',
      example: '1000000',
    }),
    gatewayHeartbeatMs: withDefault(durationMs(50, 60_000), 2000, {
      variable: 'CARILLON_GATEWAY_HEARTBEAT_MS',
      description: 'How often a gateway says that it is alive.',
      example: '2s',
    }),
    gatewayTimeoutMs: withDefault(durationMs(100, 600_000), 8000, {
      variable: 'CARILLON_GATEWAY_TIMEOUT_MS',
      description: 'A gateway that is silent for longer is removed from the routing table.',
      example: '8s',
    }),
    leaseTtlMs: withDefault(durationMs(100, 600_000), 5000, {
      variable: 'CARILLON_LEASE_TTL_MS',
      description: "How long a router's hold on a partition lasts without renewal.",
      example: '5s',
    }),
    channelIdleTtlMs: withDefault(durationMs(1000, 365 * 86_400_000), 86_400_000, {
      variable: 'CARILLON_CHANNEL_IDLE_TTL_MS',
      description: 'How long a channel without subscribers and history keeps its epoch and seq.',
      example: '24h',
    }),
  },
  rules: [
    {
      needs: ['gatewayHeartbeatMs', 'gatewayTimeoutMs'],
      test: ({ gatewayHeartbeatMs, gatewayTimeoutMs }) =>
        gatewayTimeoutMs >= MIN_MISSED_HEARTBEATS * gatewayHeartbeatMs
          ? undefined
          : `CARILLON_GATEWAY_TIMEOUT_MS (${gatewayTimeoutMs}) must be at least ${MIN_MISSED_HEARTBEATS} times CARILLON_GATEWAY_HEARTBEAT_MS (${gatewayHeartbeatMs}), else live gateways are removed`,
    },
  ],
});
