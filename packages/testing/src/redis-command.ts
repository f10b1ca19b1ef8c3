import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';

export interface CommandTarget {
  readonly port: number;
  /** Taken with TLS, by a certificate of this authority. */
  readonly caFile?: string | undefined;
  readonly password?: string | undefined;
}

/** One command on a connection of its own. */
export async function redisCommand(
  { port, caFile, password }: CommandTarget,
  name: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const redis = new Redis({
    ...{ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null },
    enableReadyCheck: false, // also while it reads its file
    ...(password !== undefined && { password }),
    ...(caFile !== undefined && { tls: { ca: await readFile(caFile) } }),
  });
  redis.on('error', () => undefined); // the command rejects, too
  await redis.connect();
  try {
    return await redis.call(name, ...args.map(String));
  } finally {
    redis.disconnect();
  }
}
