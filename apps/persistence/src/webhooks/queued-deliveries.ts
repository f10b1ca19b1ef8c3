import { createHash } from 'node:crypto';
import type { WebhookEndpoint, WebhookEvent } from '@carillon/config';
import type { NewDelivery, StoredMessage } from '@carillon/db';
import {
  CHANNEL_EVENTS,
  CHANNEL_EVENTS_CHANNEL_PREFIX,
  CLIENT_EVENTS,
  CLIENT_EVENTS_CHANNEL_PREFIX,
  messageFrame,
  namespaceOf,
} from '@carillon/protocol';

/** Deliveries for `messages`: one for each endpoint whose filter matches. */
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

/** Does anybody want to know of channels that become occupied or vacated? */
export function wantsOccupancy(endpoints: readonly WebhookEndpoint[]): boolean {
  return endpoints.some(({ events }) => CHANNEL_EVENTS.some((event) => events.includes(event)));
}

/** Is this an occupancy event in the log that no endpoint subscribes to any more? */
export function isIdle(endpoints: readonly WebhookEndpoint[], channel: string): boolean {
  return channel.startsWith(CHANNEL_EVENTS_CHANNEL_PREFIX) && !wantsOccupancy(endpoints);
}

/** `undefined`: nobody is told of this one. */
function eventOf({ channel, header }: StoredMessage): WebhookEvent | undefined {
  const known = knownEvents(channel);
  if (known === undefined) return 'message.published';
  const { event } = JSON.parse(header) as { event?: string };
  return known.find((name) => name === event);
}

function knownEvents(channel: string): readonly WebhookEvent[] | undefined {
  if (channel.startsWith(CLIENT_EVENTS_CHANNEL_PREFIX)) return CLIENT_EVENTS;
  return channel.startsWith(CHANNEL_EVENTS_CHANNEL_PREFIX) ? CHANNEL_EVENTS : undefined;
}

function wants(
  { events, apps, namespaces }: WebhookEndpoint,
  event: WebhookEvent,
  { app, channel }: StoredMessage,
): boolean {
  if (!events.includes(event) || (apps !== undefined && !apps.includes(app))) return false;
  // Clients have no namespace.
  if (namespaces === undefined || event.startsWith('client.')) return true;
  const isOfMessage = event === 'message.published';
  return namespaces.includes(
    namespaceOf(isOfMessage ? channel : channel.slice(CHANNEL_EVENTS_CHANNEL_PREFIX.length)),
  );
}

function delivery(endpoint: string, event: WebhookEvent, message: StoredMessage): NewDelivery {
  const { app, channel, epoch, seq, id: messageId } = message;
  // From the place, which names one content for ever: the same message makes the same delivery.
  const place = JSON.stringify([endpoint, event, app, channel, epoch, seq]);
  const id = `d-${createHash('sha256').update(place).digest('base64url').slice(0, 32)}`;
  const body = `{"id":"${id}","event":"${event}","app":${JSON.stringify(app)},${contentOf(event, message)}}`;
  return { id, endpoint, event, messageId, app, channel, epoch, seq, body };
}

/** The payload stands as it came: parsed and written again, large numbers would change. */
function contentOf(event: WebhookEvent, { channel, epoch, seq, header, payload }: StoredMessage): string {
  if (event === 'message.published')
    return `"message":${messageFrame(channel, epoch, seq, `${header}\n${payload}`)}`;
  return `"${event.startsWith('channel.') ? 'channel' : 'client'}":${payload}`;
}
