import { Redis } from 'ioredis';

/** One command on a connection of its own. */
export async function redisCommand(
  { port }: { readonly port: number },
  name: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined); // the command rejects, too
  await redis.connect();
  try {
    return await redis.call(name, ...args.map(String));
  } finally {
    redis.disconnect();
  }
}
