import { type BatchRequest, type ConnectFrame, PROTOCOL_VERSION } from '@carillon/protocol';

/** Request id of `connect`; all other requests count from 1. */
export const CONNECT_ID = 0;

export function connectFrame(
  token: string | undefined,
  client: ConnectFrame['client'],
  session: string,
  batch: BatchRequest | undefined,
): string {
  const frame: ConnectFrame = {
    type: 'connect',
    id: CONNECT_ID,
    version: PROTOCOL_VERSION,
    session,
    ...(token === undefined ? {} : { token }),
    ...(client === undefined ? {} : { client }),
    ...(batch === undefined ? {} : { batch }),
  };
  return JSON.stringify(frame);
}
