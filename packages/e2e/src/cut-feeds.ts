import { Redis } from 'ioredis';

/** Throws away what waits in the gateways' feeds, as their bound does when a gateway falls behind. Returns how many messages that were. */
export async function cutFeeds(redisUrl: string): Promise<number> {
  const redis = new Redis(redisUrl);
  try {
    let messages = 0;
    for (const key of await redis.keys('carillon:{p*}:g:*')) {
      for (const [, fields] of await redis.xrange(key, '-', '+'))
        messages += fields.filter((field) => field === 'm').length;
      await redis.xtrim(key, 'MAXLEN', 0);
    }
    return messages;
  } finally {
    redis.disconnect();
  }
}
