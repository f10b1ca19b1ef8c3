import { createHash } from 'node:crypto';
import type { WebhookEndpoint } from '@carillon/config';
import type { NewDelivery, StoredMessage } from '@carillon/db';
import { messageFrame, namespaceOf } from '@carillon/protocol';

/** What `messages` have endpoints told: a delivery for each endpoint that wants to know. */
export function deliveriesOf(
  endpoints: readonly WebhookEndpoint[],
  messages: readonly StoredMessage[],
): readonly NewDelivery[] {
  return messages.flatMap((message) =>
    endpoints
      .filter((endpoint) => wants(endpoint, message))
      .map((endpoint) => messagePublished(endpoint.name, message)),
  );
}

function wants({ events, apps, namespaces }: WebhookEndpoint, { app, channel }: StoredMessage): boolean {
  return (
    events.includes('message.published') &&
    (apps === undefined || apps.includes(app)) &&
    (namespaces === undefined || namespaces.includes(namespaceOf(channel)))
  );
}

function messagePublished(endpoint: string, message: StoredMessage): NewDelivery {
  const { app, channel, epoch, seq, header, payload } = message;
  const event = 'message.published';
  // From the place, which names one content for ever: the same message makes the same delivery.
  const place = JSON.stringify([endpoint, event, app, channel, epoch, seq]);
  const id = `d-${createHash('sha256').update(place).digest('base64url').slice(0, 32)}`;
  // The payload stands as it came: parsed and written again, large numbers would change.
  const frame = messageFrame(channel, epoch, seq, `${header}\n${payload}`);
  const body = `{"id":"${id}","event":"${event}","app":${JSON.stringify(app)},"message":${frame}}`;
  return { id, endpoint, event, app, channel, epoch, seq, body };
}
