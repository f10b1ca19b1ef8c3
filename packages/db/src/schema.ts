import {
  bigint,
  customType,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** Stored messages. The migrations make the tables; a test holds them against this. */
export const messages = pgTable(
  'messages',
  {
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    id: text('id').notNull(),
    publishedAt: timestamp('published_at', { withTimezone: true }).notNull(),
    /** One line of JSON. */
    header: text('header').notNull(),
    /** JSON text, byte for byte as the publisher sent it. */
    payload: text('payload').notNull(),
    /** '' stands for the namespace `default`. */
    namespace: text('namespace')
      .notNull()
      .generatedAlwaysAs(`case when strpos(channel, ':') > 1 then split_part(channel, ':', 1) else '' end`),
  },
  (table) => [
    primaryKey({ columns: [table.app, table.channel, table.epoch, table.seq] }),
    index('messages_by_id').on(table.app, table.id),
    index('messages_by_age').on(table.namespace, table.publishedAt),
  ],
);

/** Messages that Postgres refused. */
export const deadLetters = pgTable(
  'dead_letters',
  {
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    record: bytea('record').notNull(),
    /** Several messages can be refused at one position. */
    digest: text('digest').notNull().generatedAlwaysAs(`encode(sha256(record), 'hex')`),
    reason: text('reason').notNull(),
    failedAt: timestamp('failed_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.app, table.channel, table.epoch, table.seq, table.digest] }),
    index('dead_letters_by_age').on(table.failedAt),
  ],
);

/** How far the consumers of durable channels have got. */
export const ackCursors = pgTable(
  'ack_cursors',
  {
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    consumer: text('consumer').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.app, table.channel, table.consumer] })],
);

/** Messages that are to be published later. */
export const scheduledMessages = pgTable(
  'scheduled_messages',
  {
    id: text('id').primaryKey(),
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    owner: text('owner').notNull(),
    idempotencyKey: text('idempotency_key'),
    requestHash: text('request_hash').notNull(),
    event: text('event'),
    trace: text('trace'),
    payload: text('payload').notNull(),
    deliverAt: timestamp('deliver_at', { withTimezone: true }).notNull(),
    attemptAt: timestamp('attempt_at', { withTimezone: true }).notNull(),
    attempts: integer('attempts').notNull().default(0),
    state: text('state').notNull().default('pending'),
    epoch: text('epoch'),
    seq: bigint('seq', { mode: 'number' }),
    error: text('error'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    finishedAt: timestamp('finished_at', { withTimezone: true }),
  },
  (table) => [index('scheduled_messages_listed').on(table.app, table.deliverAt, table.id)],
);

/** Messages that were dead letters and are stored by now; webhooks are still to be told of them. */
export const replayedMessages = pgTable(
  'replayed_messages',
  {
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.app, table.channel, table.epoch, table.seq] })],
);

/** Queue of webhook deliveries, with those that failed for good. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: text('id').primaryKey(),
    endpoint: text('endpoint').notNull(),
    event: text('event').notNull(),
    app: text('app').notNull(),
    channel: text('channel').notNull(),
    epoch: text('epoch').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    body: text('body').notNull(),
    state: text('state').notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    attemptAt: timestamp('attempt_at', { withTimezone: true }).notNull(),
    reason: text('reason'),
    queuedAt: timestamp('queued_at', { withTimezone: true }).notNull(),
    deadAt: timestamp('dead_at', { withTimezone: true }),
  },
  (table) => [index('webhook_deliveries_due').on(table.endpoint, table.attemptAt)],
);
