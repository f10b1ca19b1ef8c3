-- Stored messages. (app, channel, epoch, seq) names one content for ever, so a repeated insert changes nothing.
-- Collation "C": epochs sort by age byte by byte, whatever the locale of the database.
create table messages (
  app text collate "C" not null,
  channel text collate "C" not null,
  epoch text collate "C" not null,
  seq bigint not null,
  id text collate "C" not null,
  published_at timestamptz not null,
  -- One line of JSON and the payload, byte for byte as they came: text, because jsonb would write them anew.
  header text not null,
  payload text not null,
  -- The part of the channel before the first colon; '' stands for the namespace `default`.
  namespace text collate "C" not null generated always as (
    case when strpos(channel, ':') > 1 then split_part(channel, ':', 1) else '' end
  ) stored,
  primary key (app, channel, epoch, seq)
);

create index messages_by_id on messages (app, id);

-- Retention goes namespace by namespace, oldest first.
create index messages_by_age on messages (namespace, published_at);

-- What Postgres can't take as a message is kept here, as bytes, with the reason.
create table dead_letters (
  app text collate "C" not null,
  channel text collate "C" not null,
  epoch text collate "C" not null,
  seq bigint not null,
  record bytea not null,
  reason text not null,
  failed_at timestamptz not null default now(),
  primary key (app, channel, epoch, seq)
);

create index dead_letters_by_age on dead_letters (failed_at);
