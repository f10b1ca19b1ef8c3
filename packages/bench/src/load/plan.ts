/** What the scenario tells a load process to do, and what it answers. Goes through IPC, so plain data. */

import type { Counts } from './client.ts';
import type { DialectName } from './dialects.ts';

export interface SubscriberPlan {
  readonly role: 'subscriber';
  readonly dialect: DialectName;
  readonly token: string;
  /** One connection each. */
  readonly connections: readonly { readonly port: number; readonly channel: string }[];
  /** Every how many connections one is timed. */
  readonly timeEvery: number;
  /** Connections opened at the same time. */
  readonly openAtOnce: number;
}

export interface PublisherPlan {
  readonly role: 'publisher';
  readonly dialect: DialectName;
  readonly token: string;
  readonly connections: readonly { readonly port: number; readonly channels: readonly string[] }[];
  readonly padBytes: number;
  /** Open loop: messages per second over all connections. Absent: closed loop. */
  readonly ratePerSecond?: number;
  /** Closed loop: unanswered publishes per connection. */
  readonly inFlight?: number;
}

export type Plan = SubscriberPlan | PublisherPlan;

export type Order =
  | { readonly do: 'open'; readonly plan: Plan }
  | { readonly do: 'start' }
  | { readonly do: 'mark' }
  | { readonly do: 'stop' }
  | { readonly do: 'report' };

export interface LoadReport {
  readonly counts: Counts;
  readonly published: number;
  /** Microseconds: message latency (subscriber) or publish-to-accepted (publisher). */
  readonly latencyUs: {
    readonly count: number;
    readonly min: number;
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly cpuUs: number;
  readonly problems: readonly string[];
}

export type Answer =
  | { readonly done: Order['do'] }
  | { readonly done: 'report'; readonly report: LoadReport }
  | { readonly failed: string };
