import type { ChannelKey, RouteEntry, RouterPort } from '@carillon/broker';
import type { InterestCache } from './interest-cache.ts';

/**
 * The gateways of all channels that a batch has messages of. Asked after the whole batch was read, so an answer knows every change
 * that the batch tells of; a gateway that came later than a message drops it by seq.
 */
export async function learnInterest(
  entries: readonly RouteEntry[],
  cache: InterestCache,
  port: RouterPort,
): Promise<ReadonlyMap<ChannelKey, readonly string[]>> {
  for (const { kind, channel } of entries) if (kind === 'interest') cache.forget(channel);
  const nowMs = performance.now();
  const channels = new Set(entries.flatMap((entry) => (entry.kind === 'message' ? [entry.channel] : [])));
  const pairs = await Promise.all(
    [...channels].map(async (channel) => {
      const known = cache.get(channel, nowMs);
      if (known !== undefined) return [channel, known] as const;
      const gateways = await port.interested(channel);
      cache.set(channel, gateways, nowMs);
      return [channel, gateways] as const;
    }),
  );
  return new Map(pairs);
}
