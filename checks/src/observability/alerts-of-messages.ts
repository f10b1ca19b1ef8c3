import { METRICS } from '@carillon/telemetry';
import type { Alert } from './alert.ts';
import { only, query } from './query.ts';

/** Messages that are lost, late, refused, or wait. */
export const MESSAGE_ALERTS: readonly Alert[] = [
  {
    name: 'CarillonPositionTaken',
    query: query`sum(increase(${only(METRICS.storeFailures, { kind: 'position-taken' })}[10m])) > 0`,
    lasting: '0s',
    severity: 'page',
    summary: 'A message came for a position that another message has.',
    means:
      'Redis came back with less than it had accepted, and nobody noticed at the time. The message is a dead letter (`another message has this position`) and can not be replayed there.',
    causes: 'A failover to a replica that lagged, a restored file, a lost tail of the append-only file.',
    act: '`carillon dead-letters list` and `show` have its content; publish it again if it still counts. Then see which settings make failovers lose less: docs/guides/deployment.md, "What a failover can take".',
    test: {
      fires: { 'carillon_persistence_failures_total{kind="position-taken"}': '0 0 1 1 1 1' },
      quiet: { 'carillon_persistence_failures_total{kind="retryable"}': '0+1x10' },
      at: '4m',
    },
  },
  {
    name: 'CarillonMessagesRefusedByPostgres',
    query: query`max(${METRICS.refusedMessages}) > 0`,
    lasting: '0s',
    severity: 'page',
    summary: 'Postgres refuses {{ $value }} messages.',
    means:
      'They are tried again for 10 minutes (30 s when it is one or two), then they become dead letters. A repair before that loses nothing.',
    causes: 'A trigger or a constraint of yours, a full disk, a changed table.',
    act: '`/ready` of persistence says what Postgres answered. After 10 minutes: `carillon dead-letters replay --kind message`.',
    test: {
      fires: { carillon_persistence_refused_messages: '0 0 3 3 3' },
      quiet: { carillon_persistence_refused_messages: '0x5' },
      at: '3m',
    },
  },
  {
    name: 'CarillonDeadLetters',
    query: query`sum(increase(${METRICS.deadLetters}[1h])) > 0`,
    lasting: '0s',
    severity: 'ticket',
    summary: '{{ $value }} messages became dead letters within an hour.',
    means: 'Postgres refused them for good. They are kept, and can be looked at and stored later.',
    causes: 'See CarillonMessagesRefusedByPostgres.',
    act: '`carillon dead-letters list --kind message`, mend the cause, then `replay`.',
    test: {
      fires: { carillon_persistence_dead_letters_total: '0 0 2 2 2 2' },
      quiet: { carillon_persistence_dead_letters_total: '7x9' },
      at: '4m',
    },
  },
  {
    name: 'CarillonPersistenceBehind',
    query: query`max(${METRICS.logBacklog}) > 100000`,
    lasting: '2m',
    severity: 'page',
    summary: '{{ $value }} messages wait for Postgres.',
    means:
      'At CARILLON_LOG_MAX_ENTRIES (1,000,000) per partition publishes to durable namespaces are refused with LOG_FULL. Until then nothing is lost.',
    causes: 'Postgres is away or slow, or there is too little of persistence.',
    act: 'Is Postgres well? `carillon_database_query_seconds` and `/ready` of persistence tell. Else add a persistence process, or raise CARILLON_PERSISTENCE_BATCH_MAX_MESSAGES.',
    test: {
      fires: { carillon_persistence_backlog: '0+60000x8' },
      quiet: { carillon_persistence_backlog: '90000x8' },
      at: '6m',
    },
  },
  {
    name: 'CarillonRouterBehind',
    query: query`max by (partition) (${METRICS.routeBacklog}) > 10000`,
    lasting: '1m',
    severity: 'page',
    summary: 'Partition {{ $labels.partition }}: {{ $value }} entries wait for a router.',
    means: 'Channels with subscribers on many gateways are late; others are not concerned.',
    causes:
      'Routers are too few or too slow; or their partition has no owner: CarillonPartitionsWithoutOwner.',
    act: 'Add routers up to the number of partitions; look at the event-loop delay of those that are there.',
    test: {
      fires: { 'carillon_router_backlog{partition="3"}': '0 20000 20000 20000 20000' },
      quiet: { 'carillon_router_backlog{partition="3"}': '0 20000 0 20000 0' },
      at: '3m',
      labels: { partition: '3' },
    },
  },
  {
    name: 'CarillonGapsTold',
    query: query`sum(increase(${METRICS.gapsTold}[10m])) > 0`,
    lasting: '0s',
    severity: 'ticket',
    summary: '{{ $value }} times a subscriber was told that messages are missing.',
    means: 'Something was trimmed or lost before a gateway could read it, and history no longer had it.',
    causes:
      'Redis lost data, a history that is too short for how long a gateway stood still, CARILLON_FEED_MAX_ENTRIES that is too small.',
    act: 'Compare with `carillon_gaps_healed_total`: many healed and few told means that history is a little short. Lengthen `history.maxMessages` of the namespace.',
    test: {
      fires: { carillon_gaps_told_total: '0 0 4 4 4' },
      quiet: { carillon_gaps_told_total: '4x9' },
      at: '4m',
    },
  },
  {
    name: 'CarillonPublishesRefused',
    query: query`sum(rate(${only(METRICS.messagesIn, { result: '!~accepted|duplicate' })}[5m])) / sum(rate(${METRICS.messagesIn}[5m])) > 0.05`,
    lasting: '5m',
    severity: 'page',
    summary: '{{ $value | humanizePercentage }} of the publishes are refused.',
    means: 'Clients get an error for more than one publish in twenty. SDKs repeat those that are retryable.',
    causes: 'Redis is away or full (UNAVAILABLE, LOG_FULL), or a publisher sends what is not allowed.',
    act: '`sum by (result) (rate(carillon_messages_published_total[5m]))` has the codes; docs/reference/errors.md has their meaning.',
    test: {
      fires: {
        'carillon_messages_published_total{transport="ws",result="accepted"}': '0+90x20',
        'carillon_messages_published_total{transport="ws",result="UNAVAILABLE"}': '0+10x20',
      },
      quiet: {
        'carillon_messages_published_total{transport="ws",result="accepted"}': '0+90x20',
        'carillon_messages_published_total{transport="ws",result="duplicate"}': '0+90x20',
      },
      at: '12m',
    },
  },
  {
    name: 'CarillonDeliverySlow',
    query: query`histogram_quantile(0.99, sum by (le) (rate(${METRICS.deliveryLatency}[5m]))) > 1`,
    lasting: '5m',
    severity: 'ticket',
    summary: 'One message in a hundred takes {{ $value | humanizeDuration }} to its subscribers.',
    means: 'From the publishing gateway to the gateway that writes it, without the network to the client.',
    causes: 'An overloaded event loop or Redis, routers that are behind, clocks that differ.',
    act: 'Event-loop delay and CPU of gateways first, then `carillon_publish_latency_seconds` (Redis), then the router backlog.',
    test: {
      fires: {
        'carillon_delivery_latency_seconds_bucket{le="1"}': '0+50x20',
        'carillon_delivery_latency_seconds_bucket{le="2.5"}': '0+100x20',
        'carillon_delivery_latency_seconds_bucket{le="+Inf"}': '0+100x20',
      },
      quiet: {
        'carillon_delivery_latency_seconds_bucket{le="0.1"}': '0+100x20',
        'carillon_delivery_latency_seconds_bucket{le="+Inf"}': '0+100x20',
      },
      at: '12m',
    },
  },
  {
    name: 'CarillonScheduleLate',
    query: query`histogram_quantile(0.9, sum by (le) (rate(${METRICS.scheduleDelay}[10m]))) > 10`,
    lasting: '5m',
    severity: 'ticket',
    summary: 'Scheduled messages are published {{ $value | humanizeDuration }} late.',
    means: 'They are due and wait.',
    causes: 'Persistence or Postgres is slow, or Redis refuses the publishes.',
    act: '`carillon_scheduled_messages_total` by result says whether they are tried again.',
    test: {
      fires: {
        'carillon_schedule_delay_seconds_bucket{le="10"}': '0x30',
        'carillon_schedule_delay_seconds_bucket{le="60"}': '0+10x30',
        'carillon_schedule_delay_seconds_bucket{le="+Inf"}': '0+10x30',
      },
      quiet: {
        'carillon_schedule_delay_seconds_bucket{le="1"}': '0+10x30',
        'carillon_schedule_delay_seconds_bucket{le="+Inf"}': '0+10x30',
      },
      at: '20m',
    },
  },
  {
    name: 'CarillonWebhooksDead',
    query: query`sum by (endpoint) (increase(${only(METRICS.webhookDeliveries, { result: 'dead' })}[1h])) > 0`,
    lasting: '0s',
    severity: 'ticket',
    summary: '{{ $value }} deliveries to {{ $labels.endpoint }} were given up.',
    means:
      'The endpoint refused them, or was away, for all tries. They are dead letters and can be replayed.',
    causes: 'The endpoint is down, answers with an error, or its address or certificate has changed.',
    act: '`carillon dead-letters list --endpoint NAME`, mend the endpoint, then `replay`.',
    test: {
      fires: { 'carillon_webhook_deliveries_total{endpoint="orders",result="dead"}': '0 0 1 1 1' },
      quiet: { 'carillon_webhook_deliveries_total{endpoint="orders",result="failed"}': '0+1x9' },
      at: '4m',
      labels: { endpoint: 'orders' },
    },
  },
  {
    name: 'CarillonWebhookPaused',
    query: query`max by (endpoint) (${METRICS.webhookCircuit}) > 0`,
    lasting: '15m',
    severity: 'ticket',
    summary: '{{ $labels.endpoint }} has been given a pause for 15 minutes.',
    means: 'Its deliveries wait; after their last try they become dead letters.',
    causes: 'The endpoint fails again and again.',
    act: 'Look at the endpoint; deliveries go on by themselves when it answers.',
    test: {
      fires: { 'carillon_webhook_circuit_open{endpoint="orders"}': '1x20' },
      quiet: { 'carillon_webhook_circuit_open{endpoint="orders"}': '0x20' },
      at: '18m',
      labels: { endpoint: 'orders' },
    },
  },
];
