/** Hash slots of Redis Cluster: all keys with the same text in braces lie in the same one. */

const SLOTS = 16_384;

/** Upper bound of partitions. */
const MAX_PARTITIONS = 1024;

/** CRC-16 as Redis Cluster has it (XMODEM: polynomial 0x1021, begins with 0). */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}

/** The slot of a key: of what stands between its first `{` and the next `}`, unless that is nothing. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return crc16(Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key)) % SLOTS;
}

/**
 * The hash tag of a partition's keys, such that partitions lie evenly over the slots: the first of `p7.0`, `p7.1`, ... whose slot is in the
 * partition's share of all slots. Partition 0's is the same for every number of partitions: there stands how many there are.
 * @param partition 0 .. partitions - 1
 * @param partitions 1..1024
 */
export function partitionTag(partition: number, partitions: number): string {
  const shares = partition === 0 ? MAX_PARTITIONS : partitions;
  for (let n = 0; ; n++) {
    const tag = `p${partition}.${n}`;
    if (Math.floor((slotOf(tag) * shares) / SLOTS) === partition) return tag;
  }
}
