import { crc32 } from 'node:zlib';
import type { ChannelKey, PartitionId } from './ports.ts';

/** Partition of a channel. Fixed for the life of an installation, so the hash must never change. */
export function partitionOf(channel: ChannelKey, partitions: number): PartitionId {
  return crc32(channel) % partitions;
}
