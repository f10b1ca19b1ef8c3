import type { Logger } from '@carillon/telemetry';
import type { BrokerLimits } from '../ports.ts';
import type { ConnectionOptions } from './connection.ts';

export interface RedisBrokerOptions extends ConnectionOptions {
  readonly logger: Logger;
  /** Start of every key. Default `carillon`. */
  readonly prefix?: string;
  /** Fixed for the life of an installation. Default 1. */
  readonly partitions?: number;
  readonly limits?: Partial<BrokerLimits>;
  /** Replicas that have to have a message before it is accepted. Default 0. */
  readonly waitReplicas?: number;
  /** Longest wait for them; then the outcome is unknown. Default 500. */
  readonly waitTimeoutMs?: number;
  /**
   * How long durable publishes wait, when Redis came back as another process, for the database to say what it has, so that a repeat of what is
   * stored is recognised although Redis lost it. 0: not at all. Default 0.
   */
  readonly settlePatienceMs?: number;
  /** Does the start wait until durable messages can be published? Not for the process that compares. Default false. */
  readonly startsSettled?: boolean;
}
