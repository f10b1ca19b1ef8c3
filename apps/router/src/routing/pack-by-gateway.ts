import type { ChannelKey, RoutedMessage } from '@carillon/broker';

/** Splits a batch by the gateways interested in each channel, in the order of the stream. */
export function packByGateway(
  messages: readonly RoutedMessage[],
  interest: ReadonlyMap<ChannelKey, readonly string[]>,
): ReadonlyMap<string, readonly RoutedMessage[]> {
  const byGateway = new Map<string, RoutedMessage[]>();
  for (const message of messages) {
    for (const gateway of interest.get(message.channel) ?? []) {
      const packed = byGateway.get(gateway);
      if (packed === undefined) byGateway.set(gateway, [message]);
      else packed.push(message);
    }
  }
  return byGateway;
}
