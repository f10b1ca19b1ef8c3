import type { Identity } from '@carillon/auth';
import { CarillonError, SYSTEM_CHANNEL } from '@carillon/protocol';
import { encodeFrame, errorFrame, toCarillonError } from '../egress/server-frames.ts';
import type { Connection } from '../session/connection.ts';
import { mayRead } from '../session/read-permission.ts';
import type { Handler } from './frame-handlers.ts';

/** [RF1]-[RF3] A new token on the live connection. Refused, it changes nothing. */
export const onRefresh: Handler<'refresh'> = async (
  { authenticator, logger, requests, nowMs },
  connection,
  { id, token },
) => {
  const { connectionId } = connection;
  try {
    const identity = await authenticator.authenticate(token);
    // Closed while the token was verified, e.g. because the old one ran out.
    if (connection.state !== 'ready') return;
    assertSamePerson(connection.identity!, identity);
    connection.identity = identity;
    connection.toldExpiring = false;
    endWhatIsNotAllowed(connection, identity);
    requests.workers.onRefresh(connection);
    logger.debug({ connectionId, user: identity.userId }, 'token refreshed');
    connection.sendFrame(
      encodeFrame({
        type: 'refreshed',
        re: id,
        ...(identity.expiresAtMs === undefined ? {} : { expiresAt: identity.expiresAtMs }),
        timestamp: nowMs(),
      }),
    );
  } catch (error) {
    const known = toCarillonError(error);
    logger.debug({ connectionId, code: known.code, reason: known.message }, 'token not refreshed');
    connection.sendFrame(errorFrame(known, id));
  }
};

/** Subscriptions and publishes of a connection belong to one user: another user needs another connection. */
function assertSamePerson(old: Identity, fresh: Identity): void {
  if (old.userId !== undefined && old.userId === fresh.userId && old.app === fresh.app) return;
  throw new CarillonError('TOKEN_USER_MISMATCH');
}

function endWhatIsNotAllowed(connection: Connection, identity: Identity): void {
  const reader = { identity, session: connection.session };
  for (const [channel, subscription] of connection.subscriptions) {
    if (channel === SYSTEM_CHANNEL || mayRead(reader, 'subscribe', channel)) continue;
    connection.subscriptions.delete(channel);
    subscription.end();
    connection.sendFrame(
      encodeFrame({
        type: 'ended',
        channel,
        code: 'PERMISSION_DENIED',
        message: `The new token does not allow subscribing to ${channel}.`,
        retryable: false,
      }),
    );
  }
}
