-- Messages that were stored by the replay of a dead letter, of which webhooks are still to be told. Whoever has the endpoints takes a
-- row and queues its deliveries in one statement: exactly once.
create table replayed_messages (
  app text collate "C" not null,
  channel text collate "C" not null,
  epoch text collate "C" not null,
  seq bigint not null,
  primary key (app, channel, epoch, seq)
);
