-- What is to be told to webhook endpoints. Rows come in the same transaction as the message they tell of, and go when they
-- are delivered; those that could not be delivered stay, as dead letters.
create table webhook_deliveries (
  -- Sent with every attempt, so that a receiver recognises a repeat.
  id text collate "C" primary key,
  endpoint text collate "C" not null,
  event text collate "C" not null,
  -- Where the cause lies: the order of the deliveries of a channel.
  app text collate "C" not null,
  channel text collate "C" not null,
  epoch text collate "C" not null,
  seq bigint not null,
  -- JSON text, byte for byte what is sent and signed.
  body text not null,
  state text collate "C" not null default 'pending' check (state in ('pending', 'dead')),
  attempts integer not null default 0,
  -- When it is to be tried; while somebody tries, when others may.
  attempt_at timestamptz not null default clock_timestamp(),
  reason text,
  -- Or when it was last replayed.
  queued_at timestamptz not null default clock_timestamp(),
  dead_at timestamptz
);

create index webhook_deliveries_due on webhook_deliveries (endpoint, attempt_at) where state = 'pending';

create index webhook_deliveries_in_order on webhook_deliveries (endpoint, app, channel, epoch, seq) where state = 'pending';

create index webhook_deliveries_queued on webhook_deliveries (endpoint, queued_at) where state = 'pending';

create index webhook_deliveries_dead on webhook_deliveries (dead_at, id) where state = 'dead';
