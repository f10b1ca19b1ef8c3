import { type VerifyWebhookOptions, verifyWebhook, WebhookVerificationError } from './verify-webhook.ts';

/** A client's request to an endpoint. Answer 2xx with the answer as JSON, or another status with `{ error: { message, reason, retryable } }`. */
export interface EndpointRequest<Data = unknown> {
  readonly id: string;
  readonly app: string;
  readonly method: string;
  /** Time for the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Id of the user who asks; absent for anonymous clients. */
  readonly user?: string;
  readonly role?: string;
  /** All of them, when there are several; `role` is the first. */
  readonly roles?: readonly string[];
  readonly session?: string;
  readonly connection?: string;
  readonly data: Data;
}

/** Checks that a request was signed with one of the secrets, not long ago, and reads it. @throws WebhookVerificationError */
export function verifyRequest<Data = unknown>(options: VerifyWebhookOptions): EndpointRequest<Data> {
  const { event, ...request } = verifyWebhook(options);
  if (event === 'request') return request as unknown as EndpointRequest<Data>;
  throw new WebhookVerificationError('body-invalid', 'The body is an event, not a request.');
}
