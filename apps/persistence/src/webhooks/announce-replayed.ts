import type { WebhookEndpoint } from '@carillon/config';
import { announceReplayed, type Database, readReplayed } from '@carillon/db';
import { deliveriesOf } from './queued-deliveries.ts';

/** Messages that are announced in one statement. */
const CHUNK = 200;

/** Tells webhooks of messages that were dead letters and are stored by now. Any number of workers may. Answers how many. */
export async function announceOnce(
  database: Database,
  endpoints: readonly WebhookEndpoint[],
): Promise<number> {
  const messages = await readReplayed(database, CHUNK);
  if (messages.length > 0) await announceReplayed(database, messages, deliveriesOf(endpoints, messages));
  return messages.length;
}
