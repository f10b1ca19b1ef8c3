import { Redis } from 'ioredis';

async function withFeeds<T>(
  { redisUrl, redisPrefix }: { readonly redisUrl: string; readonly redisPrefix: string },
  use: (redis: Redis, feeds: readonly string[]) => Promise<T>,
): Promise<T> {
  const redis = new Redis(redisUrl);
  try {
    return await use(redis, await redis.keys(`${redisPrefix}:{p*}:g:*`));
  } finally {
    redis.disconnect();
  }
}

type Where = Parameters<typeof withFeeds>[0];

/** Throws away what waits in the feeds. Resolves with the number of messages. */
export function emptyFeeds(where: Where): Promise<number> {
  return withFeeds(where, async (redis, feeds) => {
    let messages = 0;
    for (const feed of feeds) {
      for (const [, fields] of await redis.xrange(feed, '-', '+'))
        messages += fields.filter((field) => field === 'm').length;
      await redis.xtrim(feed, 'MAXLEN', 0);
    }
    return messages;
  });
}

/** Has the router forwarded all that it was given? Its cursor moves when the messages are in the feeds. */
export async function allIsRouted({ redisUrl, redisPrefix }: Where): Promise<boolean> {
  const redis = new Redis(redisUrl);
  try {
    for (const route of await redis.keys(`${redisPrefix}:{p*}:route`)) {
      const [[newest] = []] = await redis.xrevrange(route, '+', '-', 'COUNT', 1);
      if (newest !== undefined && newest !== (await redis.get(route.replace(/route$/, 'cursor'))))
        return false;
    }
    return true;
  } finally {
    redis.disconnect();
  }
}

/** Writes the newest messages of each feed once more, as a router does that died before it moved its cursor. */
export function repeatFeeds(where: Where, entries: number): Promise<number> {
  return withFeeds(where, async (redis, feeds) => {
    let repeated = 0;
    for (const feed of feeds) {
      for (const [, fields] of (await redis.xrevrange(feed, '+', '-', 'COUNT', entries)).toReversed()) {
        if (fields[0] !== 'm') continue;
        await redis.xadd(feed, '*', ...fields);
        repeated++;
      }
    }
    return repeated;
  });
}

/** Messages that Redis has taken, over all channels that have a state. */
export async function messagesWritten({ redisUrl, redisPrefix }: Where): Promise<number> {
  const redis = new Redis(redisUrl);
  try {
    const channels = await redis.keys(`${redisPrefix}:{p*}:c:*`);
    const seqs = await Promise.all(channels.map((channel) => redis.hget(channel, 's')));
    return seqs.reduce((sum, seq) => sum + Number(seq), 0);
  } finally {
    redis.disconnect();
  }
}

/** How many gateways want a channel of the routed lane; 0 when it is in the direct lane. */
export async function gatewaysOf({ redisUrl, redisPrefix }: Where, key: string): Promise<number> {
  const redis = new Redis(redisUrl);
  try {
    const [interest] = await redis.keys(`${redisPrefix}:{p*}:i:${key}`);
    return interest === undefined ? 0 : await redis.scard(interest);
  } finally {
    redis.disconnect();
  }
}

/** Does the channel have a state in Redis? */
export function channelExists({ redisUrl, redisPrefix }: Where, key: string): Promise<boolean> {
  return withFeeds(
    { redisUrl, redisPrefix },
    async (redis) => (await redis.keys(`${redisPrefix}:{p*}:c:${key}`)).length > 0,
  );
}
