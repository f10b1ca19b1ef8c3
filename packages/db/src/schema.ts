import { bigint, customType, index, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

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
    reason: text('reason').notNull(),
    failedAt: timestamp('failed_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.app, table.channel, table.epoch, table.seq] }),
    index('dead_letters_by_age').on(table.failedAt),
  ],
);
