-- Messages that are to be published later. The truth about them is here and nowhere else: jobs only wake up who publishes.
create table scheduled_messages (
  -- Also the id of the message; the key by which the broker recognises a repeated publication.
  id text collate "C" primary key,
  app text collate "C" not null,
  channel text collate "C" not null,
  -- User who scheduled it, '' for an anonymous one: Idempotency-Keys are per user.
  owner text collate "C" not null,
  idempotency_key text collate "C",
  -- Of the request as it came: the same key with another one is refused.
  request_hash text collate "C" not null,
  event text,
  trace text,
  payload text not null,
  deliver_at timestamptz not null,
  -- When it is to be tried; while somebody tries, when others may.
  attempt_at timestamptz not null,
  attempts integer not null default 0,
  state text collate "C" not null default 'pending'
    check (state in ('pending', 'publishing', 'published', 'cancelled', 'failed')),
  epoch text collate "C",
  seq bigint,
  -- Code of the last error.
  error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);

create unique index scheduled_messages_by_key on scheduled_messages (app, owner, idempotency_key)
  where idempotency_key is not null;

create index scheduled_messages_due on scheduled_messages (attempt_at) where state in ('pending', 'publishing');

create index scheduled_messages_listed on scheduled_messages (app, deliver_at, id);

create index scheduled_messages_open on scheduled_messages (app) where state in ('pending', 'publishing');

create index scheduled_messages_by_age on scheduled_messages (finished_at) where finished_at is not null;
