import { builtGroup } from '../group.ts';
import { integer } from '../kinds.ts';
import { optional, withDefault } from '../setting.ts';
import { bytes, durationMs } from '../units.ts';

const MIB = 1024 * 1024;

/** A client is heard of once per interval; half of one more is for the way of its answer. */
const MIN_PING_INTERVALS = 1.5;

/** Lower bounds: clients may send this much before they know the limits [CN8]. */
const MIN_FRAME_BYTES = 4096;
const MIN_CHANNELS_PER_FRAME = 10;

export const gatewayLimits = builtGroup(
  {
    title: 'Limits of the gateway',
    settings: {
      maxFrameBytes: withDefault(bytes(MIN_FRAME_BYTES, 16 * MIB), 65_536, {
        variable: 'CARILLON_MAX_FRAME_BYTES',
        description: 'Largest WebSocket message and largest message published over HTTP.',
        example: '256KiB',
      }),
      maxFrameDepth: withDefault(integer(4, 256, 'levels'), 32, {
        variable: 'CARILLON_MAX_FRAME_DEPTH',
        description: 'Deepest nesting of objects and arrays in a frame.',
        example: '32',
      }),
      maxHttpBodyBytes: withDefault(bytes(1024, 64 * MIB), MIB, {
        variable: 'CARILLON_MAX_HTTP_BODY_BYTES',
        description: 'Largest body of an HTTP request (a batch of messages).',
        example: '1MiB',
      }),
      maxConnections: withDefault(integer(1, 1_000_000, 'connections'), 5000, {
        variable: 'CARILLON_MAX_CONNECTIONS',
        description:
          'Most connections of one gateway with a valid token, HTTP connections included; further WebSockets are refused with a hint to try another.',
        example: '5000',
      }),
      maxUnauthenticated: optional(integer(1, 1_000_000, 'connections'), {
        variable: 'CARILLON_MAX_UNAUTHENTICATED',
        description:
          'Most connections of one gateway without a valid token: silent ones, those that have not sent `connect`, HTTP without a token. When there are more, the oldest of the address that has most is ended. Without it: half of CARILLON_MAX_CONNECTIONS.',
        example: '2500',
      }),
      maxConnectionsPerAddress: optional(integer(0, 1_000_000, 'connections'), {
        variable: 'CARILLON_MAX_CONNECTIONS_PER_ADDRESS',
        description:
          'Most connections from one IPv4 address or one IPv6 /64. Loopback and CARILLON_TRUSTED_PROXIES have no such limit; clients behind a trusted proxy count by their own address. Without it: half of CARILLON_MAX_CONNECTIONS. 0: no limit.',
        example: '500',
      }),
      maxSubscriptions: withDefault(integer(1, 100_000, 'channels'), 128, {
        variable: 'CARILLON_MAX_SUBSCRIPTIONS',
        description: 'Most subscriptions of one connection.',
        example: '128',
      }),
      maxChannelsPerFrame: withDefault(integer(MIN_CHANNELS_PER_FRAME, 1000, 'channels'), 128, {
        variable: 'CARILLON_MAX_CHANNELS_PER_FRAME',
        description: 'Most channels in one subscribe or unsubscribe frame.',
        example: '128',
      }),
      maxHttpBatchMessages: withDefault(integer(1, 10_000, 'messages'), 100, {
        variable: 'CARILLON_MAX_HTTP_BATCH_MESSAGES',
        description: 'Most messages in one HTTP publish request.',
        example: '100',
      }),
      maxInvalidFrames: withDefault(integer(1, 1000, 'frames'), 10, {
        variable: 'CARILLON_MAX_INVALID_FRAMES',
        description: 'A connection that sends more invalid frames than this within a minute is closed.',
        example: '10',
      }),
      maxRequestsPerConnection: withDefault(integer(1, 100_000, 'requests'), 256, {
        variable: 'CARILLON_MAX_REQUESTS_PER_CONNECTION',
        description: 'Most requests to back ends of one connection that wait for their answers.',
        example: '256',
      }),
      maxRequests: withDefault(integer(1, 1_000_000, 'requests'), 4096, {
        variable: 'CARILLON_MAX_REQUESTS',
        description:
          'Most requests of all clients of one gateway that wait for their answers, and most that its workers and their queues hold.',
        example: '4096',
      }),
      requestTimeoutMs: withDefault(durationMs(1, 3_600_000), 15_000, {
        variable: 'CARILLON_REQUEST_TIMEOUT_MS',
        description: 'Time for the answer to a request that says no time itself.',
        example: '15s',
      }),
      requestMaxTimeoutMs: withDefault(durationMs(1, 3_600_000), 300_000, {
        variable: 'CARILLON_REQUEST_MAX_TIMEOUT_MS',
        description: 'Longest time for an answer, whatever a request says.',
        example: '5m',
      }),
      authTimeoutMs: withDefault(durationMs(100, 300_000), 10_000, {
        variable: 'CARILLON_AUTH_TIMEOUT_MS',
        description: 'A connection without a valid token is closed after this, from its opening.',
        example: '10s',
      }),
      tokenExpiringMs: withDefault(durationMs(0, 86_400_000), 300_000, {
        variable: 'CARILLON_TOKEN_EXPIRING_MS',
        description:
          'A client is told that its token expires when it has this long left, so that it can refresh it on the live connection. 0: not told.',
        example: '300s',
      }),
      handshakeTimeoutMs: withDefault(durationMs(100, 300_000), 10_000, {
        variable: 'CARILLON_HANDSHAKE_TIMEOUT_MS',
        description: 'A client that takes longer to send its HTTP request is cut off.',
        example: '10s',
      }),
      drainRatePerSecond: withDefault(integer(0, 100_000, 'connections a second'), 0, {
        variable: 'CARILLON_DRAIN_RATE_PER_SECOND',
        description:
          'At SIGTERM so many clients a second are told to reconnect elsewhere, while the others are served. Faster when CARILLON_SHUTDOWN_TIMEOUT_MS is too short for it. 0: all at once, to come back spread over 2 s.',
        example: '200',
      }),
      pingIntervalMs: withDefault(durationMs(100, 600_000), 25_000, {
        variable: 'CARILLON_PING_INTERVAL_MS',
        description:
          'How often the gateway pings. Has to stay below the idle timeout of every proxy on the way.',
        example: '25s',
      }),
      heartbeatTimeoutMs: withDefault(durationMs(200, 3_600_000), 60_000, {
        variable: 'CARILLON_HEARTBEAT_TIMEOUT_MS',
        description: 'A peer that is silent for longer is closed.',
        example: '60s',
      }),
      sendQueueMessages: withDefault(integer(1, 1_000_000, 'messages'), 1000, {
        variable: 'CARILLON_SEND_QUEUE_MESSAGES',
        description: 'Most messages that wait for one slow connection.',
        example: '1000',
      }),
      sendQueueBytes: withDefault(bytes(1024, 1024 * MIB), MIB, {
        variable: 'CARILLON_SEND_QUEUE_BYTES',
        description: 'Most bytes that wait for one slow connection.',
        example: '1MiB',
      }),
    },
    rules: [
      {
        needs: ['pingIntervalMs', 'heartbeatTimeoutMs'],
        test: ({ pingIntervalMs, heartbeatTimeoutMs }) =>
          heartbeatTimeoutMs >= MIN_PING_INTERVALS * pingIntervalMs
            ? undefined
            : `CARILLON_HEARTBEAT_TIMEOUT_MS (${heartbeatTimeoutMs}) must be at least ${MIN_PING_INTERVALS} times CARILLON_PING_INTERVAL_MS (${pingIntervalMs}), else healthy clients are closed before they have answered a ping`,
      },
      {
        needs: ['maxFrameBytes', 'sendQueueBytes'],
        test: ({ maxFrameBytes, sendQueueBytes }) =>
          sendQueueBytes >= maxFrameBytes
            ? undefined
            : `CARILLON_SEND_QUEUE_BYTES (${sendQueueBytes}) must be at least CARILLON_MAX_FRAME_BYTES (${maxFrameBytes}), else an allowed message can't be delivered`,
      },
      {
        needs: ['maxFrameBytes', 'maxHttpBodyBytes'],
        test: ({ maxFrameBytes, maxHttpBodyBytes }) =>
          maxHttpBodyBytes >= maxFrameBytes
            ? undefined
            : `CARILLON_MAX_HTTP_BODY_BYTES (${maxHttpBodyBytes}) must be at least CARILLON_MAX_FRAME_BYTES (${maxFrameBytes})`,
      },
      {
        needs: ['requestTimeoutMs', 'requestMaxTimeoutMs'],
        test: ({ requestTimeoutMs, requestMaxTimeoutMs }) =>
          requestTimeoutMs <= requestMaxTimeoutMs
            ? undefined
            : `CARILLON_REQUEST_TIMEOUT_MS (${requestTimeoutMs}) is above CARILLON_REQUEST_MAX_TIMEOUT_MS (${requestMaxTimeoutMs})`,
      },
      {
        needs: ['maxChannelsPerFrame', 'maxSubscriptions'],
        test: ({ maxChannelsPerFrame, maxSubscriptions }) =>
          maxChannelsPerFrame <= maxSubscriptions || maxChannelsPerFrame <= 128
            ? undefined
            : `CARILLON_MAX_CHANNELS_PER_FRAME (${maxChannelsPerFrame}) is above CARILLON_MAX_SUBSCRIPTIONS (${maxSubscriptions})`,
      },
    ],
  },
  (values) => ({
    ...values,
    maxUnauthenticated: values.maxUnauthenticated ?? half(values.maxConnections),
    maxConnectionsPerAddress: values.maxConnectionsPerAddress ?? half(values.maxConnections),
  }),
);

function half(count: number): number {
  return Math.ceil(count / 2);
}
