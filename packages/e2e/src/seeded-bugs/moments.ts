/** What a fault needs before it bites: awaited, so that it bites on fast machines and on slow ones. */
import { eventually } from '@carillon/testing';
import type { Stage } from '../check/stage.ts';
import { metricOf } from '../metrics-of.ts';
import type { Service } from '../services.ts';
import { messagesWritten } from './feeds.ts';

/** A bug may keep somebody from ever being up to date, and the story has to go on. */
const CAUGHT_UP_TIMEOUT_MS = 5000;
/** Shorter than the SDK's patience with a connection on which nothing comes. */
const UNHEARD_TIMEOUT_MS = 2000;

/** Every subscriber is there and has what was accepted up to now, as far as no bug keeps it from that. */
export async function caughtUp(stage: Stage): Promise<void> {
  await inTime(stage.goal(), CAUGHT_UP_TIMEOUT_MS);
}

/** So many more messages are in Redis. */
export async function moreAreWritten(
  where: { readonly redisUrl: string; readonly redisPrefix: string },
  count: number,
): Promise<void> {
  const goal = (await messagesWritten(where)) + count;
  await eventually(async () => (await messagesWritten(where)) >= goal, {
    what: `${count} more messages are in Redis`,
  });
}

/** The gateway has so many subscriptions of clients. */
export async function subscriptionsAre({ port }: Service, count: number): Promise<void> {
  await eventually(async () => (await metricOf(port, 'carillon_subscriptions')) === count, {
    what: `${count} subscriptions`,
  });
}

/** Persistence has messages in hand that Postgres did not take. */
export async function storingFails({ port }: Service): Promise<void> {
  await eventually(
    async () =>
      (await (await fetch(`http://127.0.0.1:${port}/ready`)).text()).includes('messages can not be stored'),
    { what: 'messages can not be stored' },
  );
}

/**
 * While `again` is called, more publishes end with one of these results at the gateway. `false`: not for so long that their publisher,
 * who hears nothing, gives its connection up.
 */
export async function publishesEnd(
  { port }: Service,
  results: readonly string[],
  again: () => void,
): Promise<boolean> {
  const count = async (): Promise<number> => {
    const counts = results.map((result) =>
      metricOf(port, `carillon_messages_published_total{transport="ws",result="${result}"}`),
    );
    return (await Promise.all(counts)).reduce<number>((sum, one) => sum + (one ?? 0), 0);
  };
  const before = await count();
  return await inTime(async () => {
    again();
    return (await count()) > before;
  }, UNHEARD_TIMEOUT_MS);
}

function inTime(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  return eventually(check, { what: 'it', timeoutMs }).then(
    () => true,
    () => false,
  );
}
