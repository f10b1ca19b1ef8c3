import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseJson } from '@carillon/protocol';
import { checkNames, checkNumber } from './check-options.ts';

const DEFAULT_TOLERANCE_MS = 300_000;
const MAX_SIGNATURES = 10;

export interface VerifyWebhookOptions {
  /** The body as it came, before any parser: one byte changed is another body. */
  readonly body: string | Uint8Array;
  /** The `Carillon-Signature` header. */
  readonly signature: string | readonly string[] | null | undefined;
  /** One secret, or, while you change from one to the next, both. */
  readonly secret: string | readonly string[];
  /** How far the time of signing may be from now, in milliseconds. Default 300,000 (5 min). */
  readonly toleranceMs?: number;
  /** Milliseconds since 1970; for tests. Default: now. */
  readonly nowMs?: number;
}

/** Why a webhook was not taken. */
export type WebhookFault =
  | 'signature-missing'
  | 'signature-malformed'
  | 'signature-wrong'
  | 'too-old'
  | 'body-invalid';

/** The request does not come from the installation, or it is a replay of an old one. Answer 400. */
export class WebhookVerificationError extends Error {
  readonly code: WebhookFault;
  readonly retryable = false;

  constructor(code: WebhookFault, message: string) {
    super(message);
    this.name = 'WebhookVerificationError';
    this.code = code;
  }
}

/** A message that was stored. */
export interface WebhookMessage {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  /** When it was published, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly event?: string;
  readonly user?: string;
  readonly payload: unknown;
}

/** A client that came or went. Times are milliseconds since 1970. */
export interface WebhookClient {
  readonly connection: string;
  readonly gateway: string;
  /** Absent for anonymous clients. */
  readonly user?: string;
  readonly connectedAt: number;
  /** When it went, and the WebSocket's close code. */
  readonly disconnectedAt?: number;
  readonly code?: number;
}

/** A channel that somebody is subscribed to now, or nobody any longer. */
export interface WebhookChannel {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly occurredAt: number;
}

export interface WebhookEvent {
  /** The same at every attempt: remember it to take each event once. */
  readonly id: string;
  readonly event:
    | 'message.published'
    | 'channel.occupied'
    | 'channel.vacated'
    | 'client.connected'
    | 'client.disconnected'
    | (string & {});
  readonly app: string;
  /** Of `message.published`. */
  readonly message?: WebhookMessage;
  /** Of `channel.occupied` and `channel.vacated`. */
  readonly channel?: WebhookChannel;
  /** Of `client.connected` and `client.disconnected`. */
  readonly client?: WebhookClient;
}

/**
 * Checks that a webhook was signed with one of the secrets, not long ago, and reads it. Takes the same time whatever is wrong
 * with a signature.
 *
 * @throws WebhookVerificationError
 * @throws TypeError for options that are a mistake in the program, e.g. a secret that is not set: no sender can cause one
 */
export function verifyWebhook(options: VerifyWebhookOptions): WebhookEvent {
  checkNames(options, ['body', 'signature', 'secret', 'toleranceMs', 'nowMs']);
  const { toleranceMs = DEFAULT_TOLERANCE_MS, nowMs = Date.now() } = options;
  const secrets = secretsOf(options.secret);
  const bytes = bodyOf(options.body);
  checkNumber('toleranceMs', toleranceMs, 0, Number.MAX_SAFE_INTEGER);
  const { seconds, signatures } = readSignature(options.signature);
  const expected = secrets.map((one) =>
    createHmac('sha256', one).update(`${seconds}.`).update(bytes).digest(),
  );
  let found = false;
  // All pairs, whatever was found before.
  for (const given of signatures)
    for (const one of expected) found = (given.length === one.length && timingSafeEqual(given, one)) || found;
  if (!found)
    throw new WebhookVerificationError('signature-wrong', 'No signature fits the body and the secrets.');
  if (Math.abs(nowMs - Number(seconds) * 1000) > toleranceMs)
    throw new WebhookVerificationError(
      'too-old',
      `It was signed more than ${toleranceMs} ms from now; compare the clocks.`,
    );
  return readEvent(bytes.toString('utf8'));
}

function secretsOf(secret: unknown): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length > 0 && secrets.every((one) => typeof one === 'string' && one !== ''))
    return secrets as readonly string[];
  const given = secrets.length === 0 ? 'an empty list' : secrets.includes('') ? 'empty' : typeof secret;
  throw new TypeError(`Option secret is ${given}; give the secret of the webhook, is its variable set?`);
}

/**
 * The raw body. A parsed body can't be verified: its spaces or the order of its members may differ from the signed
 * text.
 */
function bodyOf(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (body instanceof Uint8Array) return Buffer.from(body);
  const hint =
    'give the body as it came, as text or bytes (Express: express.raw({ type: "application/json" }); Fastify: a content type parser with parseAs: "buffer")';
  throw new TypeError(`Option body is ${body === null ? 'null' : typeof body}; ${hint}`);
}

function readSignature(header: VerifyWebhookOptions['signature']): {
  readonly seconds: string;
  readonly signatures: readonly Buffer[];
} {
  if (header === null || header === undefined || header.length === 0)
    throw new WebhookVerificationError('signature-missing', 'There is no Carillon-Signature header.');
  const parts = String(header)
    .split(',')
    .map((part) => part.trim());
  const seconds = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice(2);
  const signatures = parts
    .filter((part) => /^v1=[0-9a-f]{64}$/.test(part))
    .slice(0, MAX_SIGNATURES)
    .map((part) => Buffer.from(part.slice(3), 'hex'));
  if (seconds !== undefined && signatures.length > 0) return { seconds, signatures };
  throw new WebhookVerificationError(
    'signature-malformed',
    'The Carillon-Signature header has no t=<seconds>, or no v1=<64 hex digits>.',
  );
}

function readEvent(text: string): WebhookEvent {
  try {
    const event: unknown = parseJson(text);
    if (typeof event === 'object' && event !== null && 'event' in event) return event as WebhookEvent;
  } catch {
    // Told below, as is JSON of another form.
  }
  throw new WebhookVerificationError('body-invalid', 'The body is not an event.');
}
