import { crc32 } from 'node:zlib';
import type { ChannelKey } from './channel-key.ts';

/** 0 .. partitions - 1. */
export type PartitionId = number;

/** Partition of a channel. Fixed for the life of an installation, so the hash must never change. */
export function partitionOf(channel: ChannelKey, partitions: number): PartitionId {
  return crc32(channel) % partitions;
}
