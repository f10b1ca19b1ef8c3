import { crc32 } from 'node:zlib';

/** A channel of the default app that lies in this partition. Where a channel lies is fixed for the life of an installation. */
export function channelIn(partition: number, partitions: number, namespace: string): string {
  for (let i = 0; ; i++) {
    const channel = `${namespace}:${i}`;
    if (crc32(`default/${channel}`) % partitions === partition) return channel;
  }
}
