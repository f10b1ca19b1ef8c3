/**
 * Ports of the broker for the services. Two adapters: `redis` (real installations) and `memory` (one process). One
 * contract suite (contract.suite.ts) runs against both. docs/architecture/design.md tells the story.
 * Every method may reject with a {@link CarillonError}: `UNAVAILABLE` when nothing was done, `OUTCOME_UNKNOWN` when the
 * request was sent and its result isn't known.
 */
import type { Position } from '@carillon/protocol';
import type { AckCursors } from './ack-cursors.ts';
import type { ChannelKey } from './channel-key.ts';
import type { ControlNode, NodeIdentity, NodeStatus } from './control.ts';
import type { GatewayFeed } from './gateway-feed.ts';
import type { Lineage } from './lineage.ts';
import type { PartitionId } from './partition.ts';
import type { Publication, PublishOutcome } from './publication.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { AnswerRequest, RequestNode } from './requests.ts';

export type { BrokerLimits } from './broker-limits.ts';
export type { FeedHandler, GatewayFeed, StoredQuestion } from './gateway-feed.ts';
export type { Dedupe, Publication, PublishOutcome, StoragePolicy } from './publication.ts';
export type { ChannelKey, PartitionId };

/** Appends messages. Order of calls is order of messages, per channel. */
export interface Publisher {
  /** Settles per message; never rejects: an unknown outcome is a refusal with `OUTCOME_UNKNOWN`. */
  publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]>;
  /** As `publish`, for one and without a promise: `settle` is called once, later or at once. It must not throw. */
  send(publication: Publication, settle: (outcome: PublishOutcome) => void): void;
}

export interface HistoryEntry extends Position {
  readonly record: string;
}

/** Hot history: what the broker still holds of a channel's present epoch. */
export interface HistoryPage {
  /** The channel's newest position; `undefined` when the channel has no state. */
  readonly top: Lineage | undefined;
  /** In the order asked for, without gaps among themselves. */
  readonly entries: readonly HistoryEntry[];
}

export interface HotHistory {
  /** seq from..to inclusive, ascending, at most `limit`. Entries that were trimmed are simply not there. */
  range(
    channel: ChannelKey,
    query: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<HistoryPage>;
  /** seq below `before` (default: from the top), descending, at most `limit`. */
  latest(
    channel: ChannelKey,
    query: { readonly before?: number; readonly limit: number },
  ): Promise<HistoryPage>;
  /** Messages still held of an ended epoch: seq from..to inclusive, at most `limit`, ascending unless `descending`. */
  ended(
    channel: ChannelKey,
    query: {
      readonly epoch: string;
      readonly from: number;
      readonly to: number;
      readonly limit: number;
      readonly descending?: boolean;
    },
  ): Promise<readonly HistoryEntry[]>;
}

/** Asks persistence, through the broker, for what is no longer hot. */
export type ColdQuery =
  | {
      readonly kind: 'range';
      readonly channel: ChannelKey;
      readonly epoch: string;
      readonly from: number;
      readonly to: number;
      readonly limit: number;
    }
  | {
      readonly kind: 'after';
      readonly channel: ChannelKey;
      readonly position: Position | undefined;
      readonly limit: number;
    }
  | {
      readonly kind: 'before';
      readonly channel: ChannelKey;
      readonly position: Position | undefined;
      readonly limit: number;
    }
  /** Where a consumer has got, as far as it is stored: one entry with an empty record, or none. */
  | { readonly kind: 'cursor'; readonly channel: ChannelKey; readonly consumer: string }
  /**
   * About scheduled messages, which also lie with persistence: a `ScheduleRequest` as JSON. One entry is answered, its
   * record a `ScheduleAnswer` as JSON. Repeating a request does no harm.
   */
  | { readonly kind: 'schedule'; readonly channel: ChannelKey; readonly request: string };

export interface ColdHistory {
  /** Rejects with `HISTORY_UNAVAILABLE` after `timeoutMs` without an answer. Bounded number of questions in flight. */
  ask(gateway: string, query: ColdQuery, timeoutMs: number): Promise<readonly HistoryEntry[]>;
  /** Persistence answers questions until `signal` aborts. Questions are spread over all who serve. */
  serve(answer: (query: ColdQuery) => Promise<readonly HistoryEntry[]>, signal: AbortSignal): Promise<void>;
}

// ---- persistence ------------------------------------------------------------------------------------------------

export interface LogEntry extends Position {
  readonly partition: PartitionId;
  /** Entry id in the partition's log; opaque, sorts by age within a partition. */
  readonly entryId: string;
  readonly channel: ChannelKey;
  /** Of a marker: the message's id, or '' when the adapter doesn't know it. */
  readonly record: string;
  readonly storedTo: string | undefined;
  /** Published again after a loss: the position that it had before, where it may be stored already. */
  readonly former?: Position | undefined;
  /** Not a message but a question: is the message stored whose id is the record? A repeated publish asked for `stored` again. */
  readonly marker: boolean;
  /** Present: not a message but where this consumer of the channel has got. The record is when, in milliseconds since 1970. */
  readonly consumer?: string;
}

/** The durable log, read by the consumer group of persistence workers. */
export interface PersistenceLog {
  /** New entries for this consumer, of all partitions; waits up to `blockMs` when there are none. */
  read(
    consumer: string,
    options: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly LogEntry[]>;
  /** Takes over entries that another consumer (or this one before a restart) got and didn't commit for `minIdleMs`. */
  claim(
    consumer: string,
    options: { readonly minIdleMs: number; readonly count: number },
  ): Promise<readonly LogEntry[]>;
  /** After the database commit: acks, tells `storedTo` gateways, trims the log below the oldest uncommitted entry. */
  commit(entries: readonly LogEntry[]): Promise<void>;
  /**
   * For a day from now, the log also tells when the first gateway wants a channel and when the last one no longer does: as entries of
   * `<app>/#channels.<channel>`, whose event is `channel.occupied` or `channel.vacated`, in turns. Repeat it well before the day is over.
   */
  tellOccupancy(): Promise<void>;
  /** Entries not yet committed, per partition. */
  backlog(): Promise<
    readonly { readonly partition: PartitionId; readonly entries: number; readonly pending: number }[]
  >;
}

// ---- router -----------------------------------------------------------------------------------------------------

/** A partition held by a router. Scripts that move the cursor check `fence`. */
export interface Lease {
  readonly partition: PartitionId;
  readonly owner: string;
  readonly fence: number;
}

export type RouteEntry =
  | {
      readonly kind: 'message';
      readonly partition: PartitionId;
      readonly entryId: string;
      readonly channel: ChannelKey;
      readonly epoch: string;
      readonly seq: number;
      readonly record: string;
    }
  /** The set of gateways that want this wide channel changed at this point of the stream. */
  | {
      readonly kind: 'interest';
      readonly partition: PartitionId;
      readonly entryId: string;
      readonly channel: ChannelKey;
    };

export interface RoutedMessage extends Position {
  readonly channel: ChannelKey;
  readonly record: string;
}

export interface RouterPort {
  /** `undefined` when somebody else holds it. */
  acquire(partition: PartitionId, owner: string, ttlMs: number): Promise<Lease | undefined>;
  /** The leases that are still held; those missing from the answer were lost. */
  renew(leases: readonly Lease[], ttlMs: number): Promise<readonly Lease[]>;
  release(leases: readonly Lease[]): Promise<void>;
  /** Owner of each partition by index, for balance and for the alert on partitions without an owner. */
  owners(): Promise<readonly (string | undefined)[]>;
  /** Live routers, for a fair share; announces `owner` as alive for `ttlMs`. */
  announce(owner: string, ttlMs: number): Promise<readonly string[]>;
  /** Entries after the cursor of each held partition; waits up to `blockMs`. First call for a lease starts at the cursor. */
  read(
    leases: readonly Lease[],
    options: { readonly count: number; readonly blockMs: number },
  ): Promise<readonly RouteEntry[]>;
  /** Entries after the cursor, per partition; `undefined` for one that is away. */
  backlog(): Promise<readonly (number | undefined)[]>;
  /** Gateways that want a channel now, in whatever lane it is. */
  interested(channel: ChannelKey): Promise<readonly string[]>;
  /** Writes messages to gateways' streams, packed and pipelined. */
  forward(partition: PartitionId, byGateway: ReadonlyMap<string, readonly RoutedMessage[]>): Promise<void>;
  /** Moves the cursor to `entryId` and trims below; `false`: fenced off, the lease is lost. */
  commit(lease: Lease, entryId: string): Promise<boolean>;
  /**
   * Wide channels that have at most `maxGateways` interested gateways and are fully routed go back to the direct lane. Returns those.
   * Looks at `channels`, else at some of all wide ones.
   */
  narrow(lease: Lease, maxGateways: number, channels?: readonly ChannelKey[]): Promise<readonly ChannelKey[]>;
  /** Removes gateways that were silent for `timeoutMs`, with their interest and streams; bounded work per call. Returns those fully removed. */
  reap(lease: Lease, timeoutMs: number): Promise<readonly string[]>;
}

// ---- all of it --------------------------------------------------------------------------------------------------

export interface BrokerStatus {
  readonly kind: 'redis' | 'memory';
  readonly ready: boolean;
  /** Why not, or what deserves attention (e.g. a maxmemory-policy other than noeviction). */
  readonly problems: readonly string[];
}

export interface Broker {
  readonly partitions: number;
  partitionOf(channel: ChannelKey): PartitionId;
  /** Connects; waits while the server isn't there, until `signal` aborts. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  status(): Promise<BrokerStatus>;
  /** The time that all services share, in milliseconds since 1970; the clocks of their machines may be minutes apart. */
  nowMs(): number;
  readonly publisher: Publisher;
  readonly history: HotHistory;
  readonly cold: ColdHistory;
  readonly acks: AckCursors;
  readonly log: PersistenceLog;
  readonly reconciliation: Reconciliation;
  readonly router: RouterPort;
  /** A node of request and response; `answer` is asked for what the node offers. Ids are new at every start of a process. */
  requests(node: string, answer: AnswerRequest): RequestNode;
  /** A node of the control port, which says of itself what `describe` answers with every heartbeat. */
  control(identity: NodeIdentity, describe: () => Promise<NodeStatus>): ControlNode;
  /** A feed for a gateway of that id. Ids are new at every start of a gateway. */
  feed(gateway: string): GatewayFeed;
}
