import { createHash } from 'node:crypto';
import type { WebhookEndpoint, WebhookEvent } from '@carillon/config';
import type { NewDelivery, StoredMessage } from '@carillon/db';
import { CLIENT_EVENTS, CLIENT_EVENTS_CHANNEL_PREFIX, messageFrame, namespaceOf } from '@carillon/protocol';

/** What `messages` have endpoints told: a delivery for each endpoint that wants to know. */
export function deliveriesOf(
  endpoints: readonly WebhookEndpoint[],
  messages: readonly StoredMessage[],
): readonly NewDelivery[] {
  if (endpoints.length === 0) return [];
  return messages.flatMap((message) => {
    const event = eventOf(message);
    if (event === undefined) return [];
    return endpoints
      .filter((endpoint) => wants(endpoint, event, message))
      .map((endpoint) => delivery(endpoint.name, event, message));
  });
}

/** `undefined`: nobody is told of this one. */
function eventOf({ channel, header }: StoredMessage): WebhookEvent | undefined {
  if (!channel.startsWith(CLIENT_EVENTS_CHANNEL_PREFIX)) return 'message.published';
  const { event } = JSON.parse(header) as { event?: string };
  return CLIENT_EVENTS.find((known) => known === event);
}

function wants(
  { events, apps, namespaces }: WebhookEndpoint,
  event: WebhookEvent,
  { app, channel }: StoredMessage,
): boolean {
  if (!events.includes(event) || (apps !== undefined && !apps.includes(app))) return false;
  // Clients have no namespace.
  return (
    event !== 'message.published' || namespaces === undefined || namespaces.includes(namespaceOf(channel))
  );
}

function delivery(endpoint: string, event: WebhookEvent, message: StoredMessage): NewDelivery {
  const { app, channel, epoch, seq } = message;
  // From the place, which names one content for ever: the same message makes the same delivery.
  const place = JSON.stringify([endpoint, event, app, channel, epoch, seq]);
  const id = `d-${createHash('sha256').update(place).digest('base64url').slice(0, 32)}`;
  const body = `{"id":"${id}","event":"${event}","app":${JSON.stringify(app)},${contentOf(event, message)}}`;
  return { id, endpoint, event, app, channel, epoch, seq, body };
}

/** The payload stands as it came: parsed and written again, large numbers would change. */
function contentOf(event: WebhookEvent, { channel, epoch, seq, header, payload }: StoredMessage): string {
  return event === 'message.published'
    ? `"message":${messageFrame(channel, epoch, seq, `${header}\n${payload}`)}`
    : `"client":${payload}`;
}
