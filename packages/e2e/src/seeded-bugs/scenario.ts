import type { TestRedis } from '@carillon/testing';
import type { Stage } from '../check/stage.ts';
import type { Expectations } from '../check/verdict.ts';
import type { Service, Services, ServicesOptions } from '../services.ts';
import type { EditName } from './edits.ts';

export interface Scene {
  readonly stage: Stage;
  readonly services: Services;
  readonly gateways: readonly Service[];
  /** With `ownRedis`. */
  readonly redis: TestRedis | undefined;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly databaseUrl: string;
}

export type ServiceCounts = Required<Pick<ServicesOptions, 'gateways' | 'routers' | 'persistence'>>;

/** A short run that makes trouble of one kind. Without a bug it ends without a violation. */
export interface Scenario {
  /** Course of events, for the documentation. */
  readonly story: string;
  /** How many processes of each kind, or all in one. */
  readonly services: ServiceCounts | 'single';
  readonly env?: Readonly<Record<string, string>>;
  /** A Redis that nobody else has, with a file that has all of it at each moment. Default false. */
  readonly ownRedis?: boolean;
  /** Second lines of defence that are taken away, so that the first one shows: also in the run without a bug. */
  readonly weakened?: readonly EditName[];
  /** With a bug: how long everything may take to arrive at the end. Default 5000. */
  readonly settleMs?: number;
  readonly expectations?: Expectations;
  readonly play: (scene: Scene) => Promise<void>;
}
