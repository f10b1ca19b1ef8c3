import { define } from './define-metric.ts';
import { SOCKET_METRICS } from './socket-metrics.ts';

const LATENCY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Every metric of every service. docs/reference/metrics.md is generated from this table. */
export const METRICS = {
  // gateway
  connections: define('gauge', 'connections', 'Open client connections.'),
  redeliveries: define(
    'counter',
    'redeliveries_total',
    'Times that open messages were sent to a consumer again.',
  ),
  degraded: define('gauge', 'degraded', '1 while this gateway can not reach the broker, else 0.'),
  connectionsLimit: define('gauge', 'connections_limit', 'Most client connections this gateway takes.'),
  connectionsTotal: define('counter', 'connections_opened_total', 'Client connections by how they began.', [
    'result',
  ]),
  closesTotal: define('counter', 'connections_closed_total', 'Ended client connections by close code.', [
    'code',
  ]),
  ...SOCKET_METRICS,
  subscriptions: define('gauge', 'subscriptions', 'Subscriptions of the connected clients.'),
  channels: define('gauge', 'channels', 'Channels with a subscriber on this gateway.'),
  framesIn: define('counter', 'frames_received_total', 'Frames from clients by type.', ['type']),
  framesInvalid: define('counter', 'frames_invalid_total', 'Frames answered with an error, by error code.', [
    'code',
  ]),
  messagesIn: define(
    'counter',
    'messages_published_total',
    'Publishes by transport and result (accepted, duplicate, or the error code).',
    ['transport', 'result'],
  ),
  messagesOut: define('counter', 'messages_delivered_total', 'Messages written to clients.'),
  bytesOut: define('counter', 'bytes_sent_total', 'Bytes written to clients.'),
  deliveryLatency: define(
    'histogram',
    'delivery_latency_seconds',
    'From the publishing gateway taking a message to this gateway writing it to its clients.',
    [],
    LATENCY_SECONDS,
  ),
  publishLatency: define(
    'histogram',
    'publish_latency_seconds',
    'From taking a publish to the answer of the log.',
    [],
    LATENCY_SECONDS,
  ),
  recoveries: define(
    'counter',
    'recoveries_total',
    'Subscriptions with a position, by result (recovered, or the reason why not).',
    ['result'],
  ),
  recoveredMessages: define(
    'counter',
    'recovered_messages_total',
    'Missed messages given to returning clients.',
  ),
  gapsHealed: define(
    'counter',
    'gaps_healed_total',
    'Breaks in a channel healed from history before clients saw them.',
  ),
  gapsTold: define('counter', 'gaps_told_total', 'Breaks that could not be healed and were told to clients.'),
  duplicatesDropped: define(
    'counter',
    'duplicates_dropped_total',
    'Messages that came again and were dropped by seq.',
  ),
  authFailures: define('counter', 'auth_failures_total', 'Refused authentications by error code.', ['code']),
  requests: define(
    'counter',
    'requests_total',
    'Requests of clients to back ends by result (answered, or the error code).',
    ['result'],
  ),
  requestSeconds: define(
    'histogram',
    'request_seconds',
    'From taking a request to its answer.',
    [],
    LATENCY_SECONDS,
  ),
  requestsOpen: define('gauge', 'requests_open', "Requests of this gateway's clients without an answer."),
  requestWorkers: define('gauge', 'request_workers', 'Connections that answer requests.'),
  requestsWaiting: define(
    'gauge',
    'requests_waiting',
    'Requests that wait for a worker of this gateway to have room.',
  ),
  storedPending: define('gauge', 'stored_pending', 'Publishes waiting for `stored`.'),
  // router
  leasesHeld: define('gauge', 'router_leases_held', 'Partitions held by this router.'),
  partitionsWithoutOwner: define(
    'gauge',
    'router_partitions_without_owner',
    'Partitions that no router holds.',
  ),
  routedMessages: define('counter', 'router_messages_total', 'Messages of the routed lane.'),
  routedCopies: define('counter', 'router_copies_total', 'Copies written to gateway feeds.'),
  fencedCommits: define(
    'counter',
    'router_fenced_commits_total',
    'Commits refused because the lease had passed to another router.',
  ),
  leasesLost: define(
    'counter',
    'router_leases_lost_total',
    'Partitions lost because this router was silent for too long.',
  ),
  routeBacklog: define(
    'gauge',
    'router_backlog',
    'Entries of the routed lane that wait, of the partitions this router holds or nobody does.',
    ['partition'],
  ),
  gatewaysReaped: define(
    'counter',
    'router_gateways_reaped_total',
    'Dead gateways whose interest was removed.',
  ),
  channelsNarrowed: define(
    'counter',
    'router_channels_narrowed_total',
    'Channels returned to the direct lane.',
  ),
  // persistence
  storedMessages: define('counter', 'persistence_messages_stored_total', 'Messages inserted into Postgres.'),
  storedDuplicates: define(
    'counter',
    'persistence_messages_repeated_total',
    'Messages that were in Postgres already.',
  ),
  storeFailures: define(
    'counter',
    'persistence_failures_total',
    'Failed inserts by kind (retryable, poison, position-taken: another message has the position).',
    ['kind'],
  ),
  refusedMessages: define(
    'gauge',
    'persistence_refused_messages',
    'Messages that Postgres refused and that are tried again before they become dead letters.',
  ),
  storeLatency: define(
    'histogram',
    'persistence_insert_seconds',
    'Duration of one insert of a batch.',
    [],
    LATENCY_SECONDS,
  ),
  logBacklog: define('gauge', 'persistence_backlog', 'Messages in the log that are not stored yet.'),
  claimed: define('counter', 'persistence_claimed_total', 'Entries taken over from a dead worker.'),
  coldQueries: define(
    'counter',
    'persistence_cold_queries_total',
    'Questions of gateways for stored history.',
  ),
  deadLetters: define(
    'counter',
    'persistence_dead_letters_total',
    'Messages that Postgres refused, kept in dead_letters.',
  ),
  retentionDeleted: define('counter', 'retention_deleted_total', 'Messages deleted by retention.'),
  // scheduled messages, webhooks
  scheduledMessages: define(
    'counter',
    'scheduled_messages_total',
    'Attempts to publish scheduled messages by result (published, repeated, retry, failed).',
    ['result'],
  ),
  scheduleDelay: define(
    'histogram',
    'schedule_delay_seconds',
    'Time from when a scheduled message was due to its publication.',
    [],
    LATENCY_SECONDS,
  ),
  webhookDeliveries: define(
    'counter',
    'webhook_deliveries_total',
    'Attempts to deliver webhooks by endpoint and result (delivered, failed, dead).',
    ['endpoint', 'result'],
  ),
  responderRequests: define(
    'counter',
    'responder_requests_total',
    'Requests handed to endpoints by result (answered, or the error code).',
    ['endpoint', 'result'],
  ),
  responderSeconds: define(
    'histogram',
    'responder_seconds',
    'How long endpoints take to answer requests.',
    [],
    LATENCY_SECONDS,
  ),
  webhookSeconds: define(
    'histogram',
    'webhook_seconds',
    'Duration of attempts to deliver webhooks.',
    [],
    [...LATENCY_SECONDS, 30],
  ),
  webhookCircuit: define('gauge', 'webhook_circuit_open', '1 while an endpoint is given a pause.', [
    'endpoint',
  ]),
  // jobs, database
  jobs: define('counter', 'jobs_total', 'Finished jobs by name and result.', ['job', 'result']),
  jobSeconds: define(
    'histogram',
    'job_seconds',
    'Duration of jobs by name.',
    ['job'],
    [...LATENCY_SECONDS, 30, 60, 300],
  ),
  databaseQuery: define(
    'histogram',
    'database_query_seconds',
    'Duration of statements, with the wait for a connection.',
    [],
    LATENCY_SECONDS,
  ),
  poolConnections: define(
    'gauge',
    'database_pool_connections',
    'Database connections by state (total, idle, waiting).',
    ['state'],
  ),
  // every service
  buildInfo: define('gauge', 'build_info', 'Always 1; the labels say what runs.', [
    'service',
    'instance',
    'version',
  ]),
  spansLost: define('counter', 'spans_lost_total', 'Spans that could not be exported.'),
  logLinesLost: define('counter', 'log_lines_lost_total', 'Lines that could not be written to the log.'),
  loopRestarts: define('counter', 'loop_restarts_total', 'Restarts of supervised loops by name.', ['loop']),
  loopCritical: define(
    'gauge',
    'loop_critical',
    '1 for a supervised loop that has failed five times in a row or more, else 0.',
    ['loop'],
  ),
  processEventLoopDelay: define(
    'gauge',
    'process_event_loop_delay_seconds',
    'Event-loop delay (p50, p99, max) of the last ten seconds or more.',
    ['quantile'],
  ),
  processMemory: define('gauge', 'process_memory_bytes', 'Memory by kind.', ['kind']),
  processEventLoopBusySeconds: define(
    'counter',
    'process_event_loop_busy_seconds_total',
    'Time the event loop was not waiting; its rate is the utilization.',
  ),
  processCpuSeconds: define('counter', 'process_cpu_seconds_total', 'CPU time used.', ['mode']),
  processGcSeconds: define('counter', 'process_gc_seconds_total', 'Time spent collecting garbage.'),
  processOpenFds: define(
    'gauge',
    'process_open_fds',
    'Open file descriptors; -1 where they cannot be counted.',
  ),
  processOpenFdsLimit: define(
    'gauge',
    'process_open_fds_limit',
    'Most file descriptors this process may open; -1 where that is not known.',
  ),
  processHandles: define(
    'gauge',
    'process_handles',
    'Timers, sockets and so on that the event loop waits for.',
  ),
  processUptime: define('gauge', 'process_uptime_seconds', 'Time since the process started.'),
} as const;

/** The table of docs/reference/metrics.md. */
export function metricsMarkdown(): string {
  const rows = Object.values(METRICS).map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${(labels ?? []).map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
