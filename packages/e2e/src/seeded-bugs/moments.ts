/** Preconditions of faults: awaited, so that faults take effect on fast and on slow machines. */
import { eventually } from '@carillon/testing';
import { countStored, rowsOf } from '../check/read-back.ts';
import type { RecordedSubscriber } from '../check/recorded-subscriber.ts';
import type { Stage } from '../check/stage.ts';
import { metricOf } from '../metrics-of.ts';
import type { Service } from '../services.ts';
import { messagesWritten } from './feeds.ts';

/** A bug may keep somebody from ever being up to date, and the story has to go on. */
const CAUGHT_UP_TIMEOUT_MS = 15_000;
const WRITTEN_TIMEOUT_MS = 2000;
const MAX_ROUNDS = 12;
/** A bug may keep publishers from ever going on. */
const GOES_ON_TIMEOUT_MS = 10_000;

/** Every subscriber is there and has what was accepted up to now, as far as no bug keeps it from that. */
export async function caughtUp(stage: Stage): Promise<void> {
  await inTime(stage.goal(), CAUGHT_UP_TIMEOUT_MS);
}

/** One more message is in Redis. `false`: none comes, since all that may be under way is. */
export async function oneMoreIsWritten(where: {
  readonly redisUrl: string;
  readonly redisPrefix: string;
}): Promise<boolean> {
  const before = await messagesWritten(where);
  return await inTime(async () => (await messagesWritten(where)) > before, WRITTEN_TIMEOUT_MS);
}

/** So many messages are in Redis. */
export async function messagesAreWritten(
  where: { readonly redisUrl: string; readonly redisPrefix: string },
  count: number,
): Promise<void> {
  await eventually(async () => (await messagesWritten(where)) >= count, { what: `${count} in Redis` });
}

/** So many messages are in Postgres. */
export async function storedAre(databaseUrl: string, count: number): Promise<void> {
  const rows = rowsOf(databaseUrl);
  await eventually(async () => (await countStored(rows)) >= count, { what: `${count} in Postgres` });
}

/** Persistence stores again, as far as no bug keeps it from that. */
export async function storesOn(databaseUrl: string, upTo: number): Promise<void> {
  const rows = rowsOf(databaseUrl);
  await inTime(async () => (await countStored(rows)) >= upTo, CAUGHT_UP_TIMEOUT_MS);
}

/** So many messages have a place in an epoch that is not the first one, as far as no bug keeps them from that. */
export async function storedInLaterEpochs(databaseUrl: string, count: number): Promise<void> {
  const rows = rowsOf(databaseUrl);
  const query = 'select count(*) as n from messages where epoch > (select min(epoch) from messages)';
  const isSo = async (): Promise<boolean> => Number((await rows<{ n: string }>(query))[0]?.n) >= count;
  await inTime(isSo, CAUGHT_UP_TIMEOUT_MS);
}

/** All consumers have acknowledged up to there, as Postgres knows it. */
export async function consumersAreAt(databaseUrl: string, seq: number): Promise<void> {
  const rows = rowsOf(databaseUrl);
  const isSo = async (): Promise<boolean> => {
    const cursors = await rows<{ seq: string }>('select seq from ack_cursors');
    return cursors.length > 0 && cursors.every((cursor) => Number(cursor.seq) >= seq);
  };
  await eventually(isSo, { what: `consumers are at ${seq}` });
}

/** Publishers go on, as far as no bug keeps them from that. */
export async function goOn(stage: Stage, count: number): Promise<void> {
  await stage.traffic(count, GOES_ON_TIMEOUT_MS).catch(() => undefined); // the checker says so
}

/** It has come back, as far as no bug keeps it from that. */
export async function startsInTime(subscriber: RecordedSubscriber): Promise<void> {
  let hasStarted = false;
  const starting = subscriber.start().then(() => {
    hasStarted = true;
  });
  await Promise.race([starting, inTime(() => hasStarted, CAUGHT_UP_TIMEOUT_MS)]);
}

/** Makes trouble until it has come about three times. @throws Error when it never does */
export async function threeTimes(trouble: () => Promise<boolean>): Promise<void> {
  let times = 0;
  for (let round = 0; round < MAX_ROUNDS && times < 3; round++) if (await trouble()) times++;
  if (times === 0) throw new Error(`the trouble did not come about in ${MAX_ROUNDS} rounds`);
}

/** The gateway has so many subscriptions of clients. */
export async function subscriptionsAre({ port }: Service, count: number): Promise<void> {
  await eventually(async () => (await metricOf(port, 'carillon_subscriptions')) === count, {
    what: `${count} subscriptions`,
  });
}

/** Persistence has messages in hand that Postgres did not take. */
export const storingFails = (persistence: Service): Promise<void> =>
  saidByReady(persistence, 'messages can not be stored');

/** By the database, for what they are. */
export const messagesAreRefused = (persistence: Service): Promise<void> =>
  saidByReady(persistence, 'Postgres refuses messages');

export async function isReady({ name, port }: Service): Promise<void> {
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok, {
    what: `${name} is ready`,
  });
}

async function saidByReady({ port }: Service, text: string): Promise<void> {
  await eventually(
    async () => (await (await fetch(`http://127.0.0.1:${port}/ready`)).text()).includes(text),
    { what: text },
  );
}

/** While `again` is called, more publishes end with one of these results at the gateway. `false`: not in time. */
export async function publishesEnd(
  { port }: Service,
  results: readonly string[],
  { again, timeoutMs }: { readonly again: () => void; readonly timeoutMs: number },
): Promise<boolean> {
  const count = async (): Promise<number> => {
    const counts = results.map((result) =>
      metricOf(port, `carillon_messages_published_total{transport="ws",result="${result}"}`),
    );
    return (await Promise.all(counts)).reduce<number>((sum, one) => sum + (one ?? 0), 0);
  };
  const before = await count();
  const more = async (): Promise<boolean> => {
    again();
    return (await count()) > before;
  };
  return await inTime(more, timeoutMs);
}

function inTime(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  return eventually(check, { what: 'it', timeoutMs }).then(
    () => true,
    () => false,
  );
}
