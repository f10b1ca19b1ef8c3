/** Plans sent to load processes, and their reports. They pass through IPC: plain data only. */

import type { ArrivalCounts } from './arrivals.ts';
import type { DialectName } from './dialects.ts';

/** Counters of a worker, summed over its connections. */
export interface Counts {
  messages: number;
  accepted: number;
  errors: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

export interface SubscriberPlan {
  readonly role: 'subscriber';
  readonly dialect: DialectName;
  readonly token: string;
  /** One connection each; `token` where each has its own. */
  readonly connections: readonly {
    readonly port: number;
    readonly channel: string;
    readonly token?: string;
  }[];
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
  /** Instead of so many bytes that are all the same: where it matters how well they can be compressed. */
  readonly pad?: string;
  /** Open loop: messages per second over all connections. Absent: closed loop. */
  readonly ratePerSecond?: number;
  /** Closed loop: unanswered publishes per connection. */
  readonly inFlight?: number;
  /** The payload names its channel, for servers whose messages don't. */
  readonly namesChannel?: boolean;
}

export interface ResumingPlan {
  readonly role: 'resuming';
  readonly dialect: 'carillon' | 'socketio';
  /** Each attempt of a client goes to the next one. */
  readonly ports: readonly number[];
  /** One connection at a time each. */
  readonly clients: readonly { readonly token: string; readonly channels: readonly string[] }[];
  /** Connections opened at the same time, at the beginning. */
  readonly openAtOnce: number;
}

export type Plan = SubscriberPlan | PublisherPlan | ResumingPlan;

export type Order =
  | { readonly do: 'prepare'; readonly plan: Plan }
  | { readonly do: 'open' }
  | { readonly do: 'start' }
  | { readonly do: 'mark' }
  | { readonly do: 'stop' }
  | { readonly do: 'published' }
  | { readonly do: 'drop'; readonly atUs: number; readonly count: number }
  | { readonly do: 'cut'; readonly everyMs: number }
  | { readonly do: 'calm' }
  | { readonly do: 'settle'; readonly published: Readonly<Record<string, number>> }
  | { readonly do: 'finish'; readonly published: Readonly<Record<string, number>> }
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
  /** On the wire, headers of frames included. Connections that stay and listen only. */
  readonly receivedBytes?: number;
  /** From drop to resumed, in microseconds, one for each return. Connections that come back only. */
  readonly resumeUs?: readonly number[];
}

/** Counters of resuming clients, summed over their connections. */
export interface ResumeCounts extends ArrivalCounts {
  messages: number;
  drops: number;
  attempts: number;
  failedAttempts: number;
  recovered: number;
  readonly notRecovered: Record<string, number>;
}

/** Totals of resuming clients from the first message to the last. */
export interface ResumeReport extends Readonly<ResumeCounts> {
  readonly clients: number;
  /** Messages due to arrive, summed over clients and channels. */
  readonly expected: number;
  readonly lost: number;
}

/** Of several load processes. */
export function addedUp(reports: readonly ResumeReport[]): ResumeReport {
  return reports.reduce(sum);
}

function sum(a: ResumeReport, b: ResumeReport): ResumeReport {
  const notRecovered = { ...a.notRecovered };
  for (const [reason, count] of Object.entries(b.notRecovered))
    notRecovered[reason] = (notRecovered[reason] ?? 0) + count;
  return {
    messages: a.messages + b.messages,
    arrived: a.arrived + b.arrived,
    duplicated: a.duplicated + b.duplicated,
    reordered: a.reordered + b.reordered,
    drops: a.drops + b.drops,
    attempts: a.attempts + b.attempts,
    failedAttempts: a.failedAttempts + b.failedAttempts,
    recovered: a.recovered + b.recovered,
    notRecovered,
    clients: a.clients + b.clients,
    expected: a.expected + b.expected,
    lost: a.lost + b.lost,
  };
}

/** How long each connection took from its first packet until it was subscribed, and when the first began and the last was done. */
export interface Opening {
  readonly fromUs: number;
  readonly toUs: number;
  readonly timesUs: readonly number[];
}

/** Faults of a whole run, warm-up included. */
export type Faults = Pick<Counts, 'lost' | 'duplicated' | 'reordered'>;

export type Answer =
  | { readonly done: Order['do'] }
  | { readonly done: 'open'; readonly opening: Opening }
  | { readonly done: 'settle'; readonly faults: Faults }
  | { readonly done: 'report'; readonly report: LoadReport }
  | { readonly done: 'published'; readonly published: Readonly<Record<string, number>> }
  | { readonly done: 'finish'; readonly resumed: ResumeReport }
  | { readonly failed: string };
