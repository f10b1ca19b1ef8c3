import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Identity } from '@carillon/auth';
import type { Dedupe } from '@carillon/broker';

/** How long an Idempotency-Key is remembered. */
const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;
/** Begins the owners that are no users; those begin with a digit. */
const ANONYMOUS = '-';

/** The connection that a message came on. */
export interface PublishingConnection {
  readonly connectionId: string;
  readonly session: string | undefined;
}

/** The members of a message that identify a repeat. */
export interface RepeatableMessage {
  /** The payload's JSON text as it came. */
  readonly payloadJson: string;
  readonly event?: string | undefined;
  readonly producer?: { readonly id: string; readonly seq: number; readonly prev: number } | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Absent over HTTP. */
  readonly connection?: PublishingConnection | undefined;
}

/** How a repeat of a message is recognised; `undefined`: the publisher gave nothing to recognise it by. */
export function dedupeOf(
  { producer, idempotencyKey, payloadJson, event, connection }: RepeatableMessage,
  identity: Identity,
): Dedupe | undefined {
  if (producer === undefined && idempotencyKey === undefined) return undefined;
  const content = event === undefined ? payloadJson : `${event}\n${payloadJson}`;
  const fingerprint = crc32(content);
  if (producer !== undefined)
    return {
      kind: 'producer',
      producer: ownerOf(identity, connection) + producer.id,
      seq: producer.seq,
      prev: producer.prev,
      fingerprint,
    };
  const key =
    identity.userId === undefined
      ? anonymousKey(idempotencyKey!, content)
      : userPrefix(identity.userId) + idempotencyKey!;
  return { kind: 'key', key, ttlMs: IDEMPOTENCY_TTL_MS, fingerprint };
}

/** [PU8] Per user: one client can't take another's sequence or key by guessing its name. */
function ownerOf({ userId }: Identity, connection: PublishingConnection | undefined): string {
  if (userId !== undefined) return userPrefix(userId);
  // The producer's id stands in its messages, for all to see. What nobody else has is the session; the connection, when there is none.
  const { session, connectionId } = connection ?? { session: undefined, connectionId: '' };
  return `${ANONYMOUS}${digest(session === undefined ? `c${connectionId}` : `s${session}`)}|`;
}

/**
 * [PU8] Over HTTP a client without a token has nothing that is its own. Its key stands for its content: with another content it is another
 * key, so that nobody loses a message because a stranger has guessed the key.
 */
export function anonymousKey(key: string, content: string): string {
  return `${ANONYMOUS}${digest(`${key}\n${content}`)}`;
}

/** The length in front keeps (user, name) pairs apart whatever characters they hold. */
function userPrefix(userId: string): string {
  return `${userId.length}:${userId}|`;
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}
