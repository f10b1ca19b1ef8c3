export { ACK_IDLE_TTL_MS, type AckCursor, type AckCursors } from './ack-cursors.ts';
export type {
  CommandHandler,
  CommandOptions,
  ControlNode,
  NodeIdentity,
  NodePage,
  NodeQuery,
  NodeRecord,
  NodeReply,
  NodeStatus,
  Survey,
  SurveyOptions,
} from './control.ts';
export { makeEpoch } from './epoch.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export {
  countAfter,
  type EndedEpoch,
  endOf,
  epochAfter,
  type Lineage,
  namedEnd,
  soleEpoch,
} from './lineage.ts';
export { importPositions, type Positions } from './memory/journal/import-positions.ts';
export type { JournalFsync } from './memory/journal/journal-entry.ts';
export { JournalCorruptError } from './memory/journal/journal-error.ts';
export type { JournalOptions } from './memory/journal/journal-store.ts';
export { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from './memory/memory-broker.ts';
export type {
  Broker,
  BrokerLimits,
  BrokerStatus,
  ChannelKey,
  ColdHistory,
  ColdQuery,
  Dedupe,
  FeedHandler,
  GatewayFeed,
  HistoryEntry,
  HistoryPage,
  HotHistory,
  Lease,
  LogEntry,
  PartitionId,
  PersistenceLog,
  Publication,
  Publisher,
  PublishOutcome,
  RoutedMessage,
  RouteEntry,
  RouterPort,
  StoragePolicy,
  StoredQuestion,
} from './ports.ts';
export type { LostMessage, Reconciliation, StoredTail, UnsettledPartition } from './reconciliation.ts';
export { PartitionsDifferError } from './redis/agree-on-partitions.ts';
export { createRedisBroker } from './redis/redis-broker.ts';
export type { RedisBrokerOptions } from './redis/redis-broker-options.ts';
export { type ControlBroker, createRedisControl } from './redis/redis-control.ts';
export type { AnswerRequest, AskedRequest, GivenRequest, MethodKey, RequestNode } from './requests.ts';
