-- How far the consumers of durable channels have got, for when the broker has lost it. Written again and again: room for new versions of a
-- row in its page, and no index on what changes.
create table ack_cursors (
  app text collate "C" not null,
  channel text collate "C" not null,
  consumer text collate "C" not null,
  epoch text collate "C" not null,
  seq bigint not null,
  -- Of the last acknowledgement, or of the consumer's beginning.
  at timestamptz not null,
  primary key (app, channel, consumer)
) with (fillfactor = 70);
