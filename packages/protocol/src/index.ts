export { parsePayload, stringifyPayload } from './bytes-json.ts';
export type { BytesPayload, BytesType, TypedArray } from './bytes-payload.ts';
export { asBytes, bytesOf } from './bytes-payload.ts';
export type { CapabilitiesClaim, CapabilityAction } from './capability.ts';
export {
  CAPABILITY_ACTIONS,
  capabilityPatternFault,
  MAX_CAPABILITY_PATTERNS,
  MAX_CAPABILITY_WILDCARDS,
} from './capability.ts';
export type { ChannelNameFault } from './channel-name.ts';
export {
  CHANNEL_NAME_ALPHABET,
  channelNameFault,
  DEFAULT_NAMESPACE,
  MAX_CHANNEL_NAME_LENGTH,
  namespaceOf,
} from './channel-name.ts';
export type { ChannelEvent, ChannelEventName, ClientEvent, ClientEventName } from './client-event.ts';
export {
  CHANNEL_EVENTS,
  CHANNEL_EVENTS_CHANNEL_PREFIX,
  CLIENT_EVENTS,
  CLIENT_EVENTS_CHANNEL_PREFIX,
} from './client-event.ts';
export type {
  FrameLimits,
  FrameReading,
  ReceivedFrame,
  ReceivedPublish,
  ReceivedSubscribe,
  ReceivedSubscription,
  ReceivedUnsubscribe,
} from './client-frame.ts';
export { MAX_EVENT_LENGTH, MAX_HISTORY_LIMIT, readClientFrame, readEvent } from './client-frame.ts';
export type { AfterClose, CloseDefinition, CloseName } from './close-codes.ts';
export { afterClose, CLOSES } from './close-codes.ts';
export type { ErrorDefinition } from './error-definition.ts';
export type { ErrorCode } from './errors.ts';
export { CarillonError, ERRORS, isErrorCode } from './errors.ts';
export type { ErrorBody, Position, RequestId } from './frame-parts.ts';
export type {
  AcceptedFrame,
  AckFrame,
  ClientFrame,
  ClientFrameType,
  ErrorFrame,
  GapFrame,
  HistoryFrame,
  HistoryReason,
  HistoryResultFrame,
  MessageBatchFrame,
  MessageFrame,
  NotRecoveredReason,
  PingFrame,
  PongFrame,
  ProducerStamp,
  PublishFrame,
  ServerFrame,
  ServerFrameType,
  StoredFrame,
  SubscribedFrame,
  SubscribeFrame,
  SubscribeRequest,
  SubscribeResult,
  UnsubscribedFrame,
  UnsubscribeFrame,
} from './frames.ts';
export {
  PROTOCOL_VERSION,
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_PROTOBUF,
  SUBPROTOCOL_TOKEN_PREFIX,
} from './frames.ts';
export type { Span } from './json-scan.ts';
export { elementSpans, findMember, isDeeperThan } from './json-scan.ts';
export { readPosition, traceparentOf } from './member-reader.ts';
export { parseJson } from './parse-json.ts';
export type { RecordHeader } from './record.ts';
export { decodeRecord, encodeRecord, messageFrame, traceOfRecord } from './record.ts';
export type {
  CancelFrame,
  HandedCancelFrame,
  HandedRequestFrame,
  RequestErrorBody,
  RequestFrame,
  ResponderFailure,
  ResponseFrame,
  ServeFrame,
  ServingFrame,
  WorkerResponseFrame,
} from './request-frames.ts';
export type { ReceivedRequest, ReceivedResponse } from './request-reader.ts';
export { MAX_REQUEST_TIMEOUT_MS, MAX_WORKER_CONCURRENCY } from './request-reader.ts';
export type { RequestAnswer, RequestHeader } from './request-record.ts';
export { decodeAnswer, decodeRequest, encodeAnswer, encodeRequest } from './request-record.ts';
export type {
  NewScheduledMessage,
  ScheduleAnswer,
  ScheduledMessage,
  ScheduleRequest,
} from './scheduled-message.ts';
export { SDK_ERRORS } from './sdk-errors.ts';
export { SERVICE_ERRORS } from './service-errors.ts';
export type {
  BatchRequest,
  ConnectedFrame,
  ConnectFrame,
  DisconnectFrame,
  EndedFrame,
  RefreshedFrame,
  RefreshFrame,
  StatusFrame,
  TokenExpiringFrame,
} from './session-frames.ts';
export type { SystemNotification } from './system-channel.ts';
export {
  isSessionId,
  isSystemChannel,
  SYSTEM_CHANNEL,
  SYSTEM_NOTIFICATION_EVENT,
  sessionChannel,
  userChannel,
} from './system-channel.ts';
