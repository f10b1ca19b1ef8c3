import { type BatchRequest, type ConnectFrame, PROTOCOL_VERSION } from '@carillon/protocol';

/** Request id of `connect`; all other requests count from 1. */
export const CONNECT_ID = 0;

export function connectFrame(
  token: string | undefined,
  session: string,
  { client, batch }: { readonly client?: ConnectFrame['client']; readonly batch: BatchRequest | undefined },
): string {
  // JSON.stringify omits members that are undefined.
  const frame: { readonly [Member in keyof ConnectFrame]: ConnectFrame[Member] | undefined } = {
    type: 'connect',
    id: CONNECT_ID,
    version: PROTOCOL_VERSION,
    session,
    token,
    client,
    batch,
  };
  return JSON.stringify(frame);
}
