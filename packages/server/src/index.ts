export type { ScheduledMessage, SystemNotification } from '@carillon/protocol';
export { asBytes, bytesOf } from '@carillon/protocol';
export type { ApiErrorCode } from './api-error.ts';
export { ApiError } from './api-error.ts';
export type {
  BackendClientOptions,
  BatchMessage,
  BatchResult,
  Consumer,
  HistoryPage,
  HistoryQuery,
  PublishOptions,
  PublishReceipt,
  RequestOptions,
} from './backend-client.ts';
export { BackendClient } from './backend-client.ts';
export type { RetryPolicy } from './http-request.ts';
export type { MintTokenOptions } from './mint-token.ts';
export { mintToken } from './mint-token.ts';
export type { ScheduleOptions, SchedulePage, ScheduleQuery, When } from './schedules.ts';
export type { Disconnected, DisconnectOptions, Session, UserSessions } from './user-operations.ts';
export type { EndpointRequest } from './verify-request.ts';
export { verifyRequest } from './verify-request.ts';
export type {
  VerifyWebhookOptions,
  WebhookChannel,
  WebhookClient,
  WebhookEvent,
  WebhookFault,
  WebhookMessage,
} from './verify-webhook.ts';
export { verifyWebhook, WebhookVerificationError } from './verify-webhook.ts';
export type { Worker, WorkerOptions } from './worker.ts';
export { createWorker } from './worker.ts';
export type { WorkerBackoff, WorkerSocket, WorkerSocketConstructor } from './worker-connection.ts';
export type { RequestContext, RequestHandler } from './worker-requests.ts';
export { RequestError } from './worker-requests.ts';
