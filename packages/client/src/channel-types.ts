/**
 * Payload types by channel: `RealtimeClient<{ 'chat:*': ChatMessage; news: Article }>`. A name stands for itself; a name that
 * ends in `*` for all channels that begin with what stands before it.
 */
export type ChannelMap = object;

/** No map: every payload is `unknown` unless the call says otherwise. */
// biome-ignore lint/complexity/noBannedTypes: the empty map is meant
export type AnyChannels = {};

type MatchingPattern<Channels extends ChannelMap, Channel extends string> = {
  [Pattern in keyof Channels & string]: Pattern extends `${infer Prefix}*`
    ? Channel extends `${Prefix}${string}`
      ? Pattern
      : never
    : never;
}[keyof Channels & string];

/** Payload type of a channel; `unknown` when no name or pattern of the map fits. */
export type PayloadOf<Channels extends ChannelMap, Channel extends string> = Channel extends keyof Channels
  ? Channels[Channel]
  : [MatchingPattern<Channels, Channel>] extends [never]
    ? unknown
    : Channels[MatchingPattern<Channels, Channel>];

/** The channels of a map, and those of the system (`#user:...`); without a map every name. A map with `*` has every name as well. */
export type ChannelName<Channels extends ChannelMap> = keyof Channels extends never
  ? string
  :
      | `#${string}`
      | {
          [Pattern in keyof Channels & string]: Pattern extends `${infer Prefix}*`
            ? `${Prefix}${string}`
            : Pattern;
        }[keyof Channels & string];
