/** What a fault needs before it bites: awaited, so that it bites on fast machines and on slow ones. */
import { eventually } from '@carillon/testing';
import type { Stage } from '../check/stage.ts';
import { metricOf } from '../metrics-of.ts';
import type { Service } from '../services.ts';
import { messagesWritten } from './feeds.ts';

/** A bug may keep somebody from ever being up to date, and the story has to go on. */
const CAUGHT_UP_TIMEOUT_MS = 15_000;
const WRITTEN_TIMEOUT_MS = 2000;
const MAX_ROUNDS = 12;

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
