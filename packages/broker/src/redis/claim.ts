import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { runScript } from './scripts.ts';

/** Evidence that a connecting process has about a partition's generation and writes. */
export interface ClaimEvidence {
  /** `''`: none yet. */
  readonly generation: string;
  /** Highest write count of an answered publish, or of a push. */
  readonly seen: number;
  /** `''` for what is no gateway. */
  readonly gateway: string;
  /** Id of the newest entry read from the gateway's feed. */
  readonly readUpTo: string;
  readonly latestEpoch: string;
}

/** Result of a claim: the partition's generation and state from now on. */
export interface Claim {
  readonly generation: string;
  readonly count: number;
  /** Generations that began with a loss, separated by commas. */
  readonly lossy: string;
  /** The ends of all epochs are settled with the database. */
  readonly isSettled: boolean;
}

/** Raises the generation of a partition whose data don't name the Redis process `run`; see claim.lua. */
export async function claimPartition(
  redis: Redis,
  base: string,
  run: string,
  { generation, seen, gateway, readUpTo, latestEpoch }: ClaimEvidence,
): Promise<Claim> {
  const random = randomBytes(6).toString('hex');
  const reply = (await runScript(redis, 'claim', base, [
    run,
    random,
    generation,
    seen,
    gateway,
    readUpTo,
    latestEpoch,
  ])) as readonly [string, number, string, number, number];
  return {
    generation: String(reply[0]),
    count: Number(reply[1]),
    lossy: String(reply[2]),
    isSettled: Number(reply[3]) === 1,
  };
}
