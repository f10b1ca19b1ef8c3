-- Several messages can be refused at one position, and each is kept: the content is part of the key.
alter table dead_letters add column digest text collate "C" not null
  generated always as (encode(sha256(record), 'hex')) stored;

alter table dead_letters drop constraint dead_letters_pkey;

alter table dead_letters add primary key (app, channel, epoch, seq, digest);
