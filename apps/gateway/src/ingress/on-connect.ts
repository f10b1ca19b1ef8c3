import type { Identity } from '@carillon/auth';
import { type BatchRequest, type CloseName, type ConnectFrame, PROTOCOL_VERSION } from '@carillon/protocol';
import { atCapacity } from '../admission/admission.ts';
import { encodeFrame, errorFrame, toCarillonError } from '../egress/server-frames.ts';
import type { Connection } from '../session/connection.ts';
import type { Handler, HandlerDependencies } from './frame-handlers.ts';

const DEFAULT_BATCH_SIZE = 50;
const DEFAULT_BATCH_DELAY_MS = 100;

/** [CN1] The token of the frame goes before the one of the upgrade request. */
export const onConnect: Handler<'connect'> = (deps, connection, frame) => {
  const given = frame.token ?? connection.upgradeToken;
  connection.upgradeToken = undefined;
  try {
    const identity = deps.authenticator.authenticateNow(given);
    if (identity instanceof Promise)
      return identity
        .then((later) => letIn(deps, connection, frame, later))
        .catch((error: unknown) => refuse(deps, connection, frame, error));
    letIn(deps, connection, frame, identity);
  } catch (error) {
    refuse(deps, connection, frame, error);
  }
  return undefined;
};

function letIn(
  { gateway, limits, logger, sockets, systemNotices, degradation, onConnected, nowMs }: HandlerDependencies,
  connection: Connection,
  { id, session, batch }: ConnectFrame,
  identity: Identity,
): void {
  if (!sockets.authenticated(connection.client)) {
    refuse({ logger }, connection, { id }, atCapacity(limits.maxConnections), 'AT_CAPACITY');
    return;
  }
  connection.client.evict = undefined;
  connection.identity = identity;
  connection.session = session;
  if (connection.apply('verified') !== 'ready') return;
  logger.debug({ connectionId: connection.connectionId, user: identity.userId }, 'client connected');
  connection.sendFrame(
    encodeFrame({
      type: 'connected',
      re: id,
      version: PROTOCOL_VERSION,
      connection: connection.connectionId,
      gateway,
      ...(identity.userId === undefined ? {} : { user: identity.userId }),
      ...(identity.expiresAtMs === undefined ? {} : { expiresAt: identity.expiresAtMs }),
      timestamp: nowMs(),
      ...(degradation.isDegraded ? { degraded: true } : {}),
      limits: {
        maxFrameBytes: limits.maxFrameBytes,
        maxSubscriptions: limits.maxSubscriptions,
        maxChannelsPerFrame: limits.maxChannelsPerFrame,
      },
      ...(batch === undefined ? {} : { batch: startBatches(connection, batch) }),
      heartbeat: { pingIntervalMs: limits.pingIntervalMs, timeoutMs: limits.heartbeatTimeoutMs },
    }),
  );
  onConnected(connection);
  connection.endSystemNotices = systemNotices.attach(identity.app, connection);
}

function refuse(
  { logger }: Pick<HandlerDependencies, 'logger'>,
  connection: Connection,
  { id }: Pick<ConnectFrame, 'id'>,
  error: unknown,
  retryable: CloseName = 'INTERNAL',
): void {
  const known = toCarillonError(error);
  logger.debug(
    { connectionId: connection.connectionId, code: known.code, reason: known.message },
    'client refused',
  );
  connection.sendFrame(errorFrame(known, id));
  // Keys that can't be fetched now are no reason to ask for another token.
  if (known.retryable) connection.close(retryable, known.message, known.retryAfterMs ?? 1000);
  else connection.close('TOKEN_REFUSED', known.message);
}

/** [BA1] */
function startBatches(connection: Connection, asked: BatchRequest): Required<BatchRequest> {
  const bounds = { size: DEFAULT_BATCH_SIZE, delayMs: DEFAULT_BATCH_DELAY_MS, ...asked };
  connection.batch(bounds);
  return bounds;
}
