import { CONTROL_ERRORS } from './control-errors.ts';
import { define, type ErrorDefinition } from './error-definition.ts';
import { REQUEST_ERRORS } from './request-errors.ts';
import { TOKEN_ERRORS } from './token-errors.ts';

/**
 * The one registry of error codes. A code says what was wrong; `retryable` says whether the same request may succeed later
 * unchanged. Codes are never renamed or reused. `docs/reference/errors.md` is generated from this table.
 */
export const ERRORS = {
  // Frames
  FRAME_MALFORMED: define(
    false,
    400,
    "The frame is not what the connection's encoding says.",
    'Send one JSON object, or one ClientFrame of carillon.proto, per WebSocket message.',
  ),
  FRAME_TOO_LARGE: define(
    false,
    413,
    'The frame is larger than the limit.',
    'Send less, or raise CARILLON_MAX_FRAME_BYTES.',
  ),
  FRAME_TOO_DEEP: define(false, 400, 'The frame is nested deeper than the limit.', 'Flatten the payload.'),
  FRAME_TYPE_UNKNOWN: define(
    false,
    400,
    'The frame has a type that the protocol does not know.',
    'Use one of the types in the message.',
  ),
  FRAME_INVALID: define(
    false,
    400,
    'A member of the frame is missing or has a wrong value.',
    'The message names the member and what is allowed.',
  ),
  FRAME_OUT_OF_STATE: define(
    false,
    409,
    "The frame is not allowed in the connection's present state.",
    'Send `connect` first, and only once.',
  ),
  FRAME_BINARY_UNSUPPORTED: define(
    false,
    415,
    'A binary WebSocket message came on a connection that speaks JSON.',
    'Send text, or connect with the subprotocol carillon.v1.protobuf.',
  ),
  FRAME_TEXT_UNSUPPORTED: define(
    false,
    415,
    'A WebSocket text message came on a connection that speaks protobuf.',
    'Send binary messages, or connect with the subprotocol carillon.v1.json.',
  ),
  TOO_MANY_ERRORS: define(false, 429, 'The connection sent too many invalid frames.', 'Repair the client.'),
  // Channels, subscriptions
  CHANNEL_INVALID: define(
    false,
    400,
    'The channel name is not allowed.',
    'See the alphabet and length in the message.',
  ),
  NOT_SUBSCRIBED: define(false, 409, 'The connection is not subscribed to the channel.', 'Subscribe first.'),
  ALREADY_SUBSCRIBED: define(
    false,
    409,
    'The connection is already subscribed to the channel.',
    'Unsubscribe first.',
  ),
  SUBSCRIPTION_LIMIT: define(
    false,
    429,
    'The connection has as many subscriptions as allowed.',
    'Unsubscribe from something, or raise CARILLON_MAX_SUBSCRIPTIONS.',
  ),
  ACK_INVALID: define(
    false,
    409,
    'The position was not delivered to this subscription, or the subscription takes no acknowledgements.',
    'Acknowledge positions of messages that came, on a subscription with a consumer.',
  ),
  ACKS_DISABLED: define(
    false,
    409,
    "The channel's namespace takes no acknowledgements.",
    'Set ackTimeoutMs for the namespace in CARILLON_NAMESPACES, or subscribe without a consumer.',
  ),
  CONSUMER_LIMIT: define(
    false,
    429,
    'The channel has as many consumers as allowed.',
    'Use the names of consumers again; one that acknowledges nothing for 30 days is forgotten.',
  ),
  PERMISSION_DENIED: define(
    false,
    403,
    'The capabilities of the token do not allow this.',
    'Mint a token with the capability named in the message.',
  ),
  POSITION_INVALID: define(
    false,
    400,
    'The position is not (epoch, seq) of this channel.',
    'Present a position that came with a message or a subscription.',
  ),
  HISTORY_DISABLED: define(false, 409, 'The namespace keeps no history.', 'Use a namespace with history.'),
  HISTORY_UNAVAILABLE: define(true, 503, 'The history could not be read now.', 'Try again.'),
  // Publishing
  PAYLOAD_INVALID: define(
    false,
    400,
    'The payload is missing, not JSON, or bytes that are not of their type.',
    'Send any JSON value as `payload`, or whole elements of a type in the message.',
  ),
  PRODUCER_OUT_OF_ORDER: define(
    true,
    409,
    'A message of this producer that comes before this one has not arrived.',
    'Send the messages after `lastSeq` again, in order.',
  ),
  PRODUCER_CONFLICT: define(
    false,
    409,
    'This producer sequence was accepted with other content, or a later one has passed over it.',
    'Nothing was published. Use a new producer id.',
  ),
  PRODUCER_WINDOW_PASSED: define(
    false,
    409,
    'The message is older than the window in which repeats are recognised.',
    'It was accepted or superseded long ago; do not repeat it.',
  ),
  IDEMPOTENCY_CONFLICT: define(
    false,
    409,
    'This Idempotency-Key was used before with other content.',
    'Use a new key for new content.',
  ),
  OUTCOME_UNKNOWN: define(
    true,
    503,
    'The connection to the log broke before it answered: the message may or may not have been accepted.',
    'Repeat it with the same producer sequence or Idempotency-Key; the answer will be the first result.',
  ),
  LOG_FULL: define(true, 503, 'The log has reached its bound because storage is behind.', 'Try again later.'),
  NOT_DURABLE: define(
    false,
    409,
    'Messages of this namespace are not stored, so one with `stored` is not published.',
    'Do not ask for `stored`, or make the namespace durable.',
  ),
  // Scheduled messages
  SCHEDULE_IN_PAST: define(
    false,
    400,
    'The time of delivery has passed.',
    'Publish at once, or give a time to come; compare the clocks.',
  ),
  SCHEDULE_TOO_FAR: define(
    false,
    400,
    'The time of delivery is further ahead than allowed.',
    'Schedule it later, or raise CARILLON_SCHEDULE_MAX_AHEAD.',
  ),
  SCHEDULE_LIMIT: define(
    true,
    429,
    'As many messages of this app are scheduled as allowed.',
    'Cancel some or wait, or raise CARILLON_SCHEDULE_MAX_PER_APP.',
  ),
  SCHEDULE_NOT_PENDING: define(
    false,
    409,
    'The scheduled message is published, being published, or has failed: it can not be cancelled.',
    'Look at its state.',
  ),
  ...REQUEST_ERRORS,
  // Control
  ...CONTROL_ERRORS,
  // Dead letters
  REPLAY_FAILED: define(
    false,
    409,
    'The dead letter was refused again, for the reason in the message.',
    'It stays where it is; repair the cause first.',
  ),
  // Availability
  UNAVAILABLE: define(true, 503, 'A part that this request needs is not available now.', 'Try again later.'),
  DRAINING: define(
    true,
    503,
    'This gateway is shutting down or being drained.',
    'Reconnect; another gateway will take you.',
  ),
  AT_CAPACITY: define(
    true,
    503,
    'This gateway has as many connections as allowed.',
    'Reconnect later, or add gateways.',
  ),
  ADDRESS_LIMIT: define(
    true,
    429,
    'The address of the client has as many connections as one address may have.',
    'Close some; name proxies in CARILLON_TRUSTED_PROXIES, or raise CARILLON_MAX_CONNECTIONS_PER_ADDRESS.',
  ),
  RATE_LIMITED: define(
    true,
    429,
    'More requests came in a short time than are allowed.',
    'Wait as long as `retryAfterMs` says; send less.',
  ),
  TIMEOUT: define(true, 504, 'The answer did not come in time.', 'Try again.'),
  INTERNAL: define(
    true,
    500,
    'Something failed that should not.',
    'Try again; report it with the time and the connection id.',
  ),
  // Authentication
  ...TOKEN_ERRORS,
  // HTTP
  NOT_FOUND: define(false, 404, 'There is nothing at this address.', 'See the API reference.'),
  UPGRADE_REQUIRED: define(
    false,
    426,
    'The address takes WebSocket connections only.',
    'Connect with a WebSocket client; behind a proxy, let the headers Connection and Upgrade pass.',
  ),
  METHOD_NOT_ALLOWED: define(false, 405, 'The address does not take this method.', 'See the API reference.'),
  BODY_INVALID: define(
    false,
    400,
    'The body is not what this address takes.',
    'The message names the member and what is allowed.',
  ),
  QUERY_INVALID: define(
    false,
    400,
    'The parameters behind the ? are not what this address takes.',
    'The message names the parameter and what is allowed.',
  ),
  CONTENT_TYPE_UNSUPPORTED: define(
    false,
    415,
    'The content type is not supported.',
    'Send application/json.',
  ),
  BATCH_TOO_LARGE: define(false, 413, 'The batch has more messages than allowed.', 'Send smaller batches.'),
} as const satisfies Record<string, ErrorDefinition>;

/** One of the registered codes. */
export type ErrorCode = keyof typeof ERRORS;

/** An error with a registered code. The text names what was wrong and what is allowed; it never contains secrets. */
export class CarillonError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** When to try again, in milliseconds from now; absent when nothing better than a backoff is known. */
  readonly retryAfterMs: number | undefined;
  /** With `PRODUCER_OUT_OF_ORDER`: the last sequence of the producer on the channel that was accepted. */
  readonly lastSeq: number | undefined;

  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].meaning,
    options: { cause?: unknown; retryAfterMs?: number; lastSeq?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CarillonError';
    this.code = code;
    this.retryable = ERRORS[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.lastSeq = options.lastSeq;
  }
}

/** `true` for text that is a registered code. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
