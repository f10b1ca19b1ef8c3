/** Reads the frames with which a connection begins and goes on. Rules [CN1]-[CN7], [RF1], [BA1], [CH6]. */
import type { RequestId } from './frame-parts.ts';
import { type JsonObject, readInteger, readObject, readText, refuse } from './member-reader.ts';
import type { BatchRequest, ConnectFrame, RefreshFrame } from './session-frames.ts';
import { isSessionId } from './system-channel.ts';

const MAX_BATCH_SIZE = 1000;
const MAX_BATCH_DELAY_MS = 5000;
const MAX_TOKEN_LENGTH = 16_384;
const MAX_CLIENT_TEXT_LENGTH = 64;

export function readConnect(frame: JsonObject, id: RequestId): ConnectFrame {
  const { token, version, session, client, batch } = frame;
  return {
    type: 'connect',
    id,
    ...(token !== undefined && { token: readText('token', token, MAX_TOKEN_LENGTH) }),
    ...(version !== undefined && { version: readInteger('version', version, 1, 1) }),
    ...(session !== undefined && { session: readSession(session) }),
    ...(client !== undefined && { client: readClientName(readObject('client', client)) }),
    ...(batch !== undefined && { batch: readBatch(readObject('batch', batch)) }),
  };
}

function readBatch({ size, delayMs }: JsonObject): BatchRequest {
  return {
    ...(size !== undefined && { size: readInteger('batch.size', size, 1, MAX_BATCH_SIZE) }),
    ...(delayMs !== undefined && {
      delayMs: readInteger('batch.delayMs', delayMs, 1, MAX_BATCH_DELAY_MS),
    }),
  };
}

function readSession(session: unknown): string {
  return typeof session === 'string' && isSessionId(session)
    ? session
    : refuse('session', session, '16..64 characters of A-Z a-z 0-9 _ -');
}

export function readRefresh({ token }: JsonObject, id: RequestId): RefreshFrame {
  return { type: 'refresh', id, token: readText('token', token, MAX_TOKEN_LENGTH) };
}

function readClientName(client: JsonObject): { name: string; version: string } {
  return {
    name: readText('client.name', client.name, MAX_CLIENT_TEXT_LENGTH),
    version: readText('client.version', client.version, MAX_CLIENT_TEXT_LENGTH),
  };
}
