export type {
  AfterClose,
  BatchRequest,
  ErrorCode,
  HistoryReason,
  NotRecoveredReason,
  Position,
} from '@carillon/protocol';
export type { Backoff } from './backoff.ts';
export type { BrowserPage } from './browser-page.ts';
export { browserStorage } from './browser-storage.ts';
export type { AnyChannels, ChannelMap, ChannelName, PayloadOf } from './channel-types.ts';
export type {
  LatencyStatistics,
  LoggedEvent,
  MonitoredClient,
  MonitorOptions,
  MonitorReport,
} from './connection-monitor.ts';
export { ConnectionMonitor, connectionMonitor } from './connection-monitor.ts';
export type { ConnectionState } from './connection-state.ts';
export type { ConnectionRecord, Finding, PatternName } from './disconnect-patterns.ts';
export type { Encoded, Encoding } from './encoding.ts';
export type { ClientErrorCode } from './errors.ts';
export { RealtimeError } from './errors.ts';
export type {
  ClientEvents,
  DiscardedPublish,
  GapEvent,
  RecoveredEvent,
  RestoredPublishEvent,
  StateDiscardedEvent,
  SubscriptionEvents,
} from './events.ts';
export type { HistoryPage, HistoryQuery } from './history.ts';
export type { ItemStorage, StateAttachment, StateOwner } from './item-storage.ts';
export type { Message } from './message.ts';
export type { RealtimeClientOptions, TokenRequest } from './options.ts';
export { plainStorage } from './persistence.ts';
export type { PublishOptions, PublishReceipt } from './publish-entry.ts';
export type { PublishOutcome } from './publish-outcome.ts';
export { outcomeOf } from './publish-outcome.ts';
export type { Publishing, StoredPublishing } from './publishing.ts';
export { RealtimeClient } from './realtime-client.ts';
export type { SnapshotCallback, SnapshotRequest } from './reconcile.ts';
export type { RequestOptions } from './request-options.ts';
export type { DiscardReason } from './saved-state.ts';
export type { SocketConstructor, SocketLike } from './socket.ts';
export type { StateStorage } from './state-storage.ts';
export type { SubscribeOptions, Subscription, SubscriptionState } from './subscription.ts';
