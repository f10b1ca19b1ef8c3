/**
 * WebSocket close codes. The range says what the client should do: 4000-4099 reconnect (with backoff), 4100-4199
 * reconnect only with a new token, 4200-4299 do not reconnect.
 */
export type AfterClose = 'reconnect' | 'new-token' | 'stay-closed';

export interface CloseDefinition {
  readonly code: number;
  readonly meaning: string;
}

export const CLOSES = {
  DRAINING: { code: 4000, meaning: 'The gateway is shutting down or being drained.' },
  HEARTBEAT_TIMEOUT: { code: 4001, meaning: 'The peer was silent for longer than the heartbeat timeout.' },
  SLOW_CONSUMER: { code: 4002, meaning: 'The connection could not take its messages fast enough.' },
  AT_CAPACITY: { code: 4003, meaning: 'The gateway has as many connections as allowed.' },
  INTERNAL: { code: 4004, meaning: 'The gateway failed to serve this connection.' },
  DISCONNECTED: { code: 4005, meaning: 'A back end ended this connection; the client may come back.' },
  AUTH_TIMEOUT: { code: 4100, meaning: 'No valid token came in time.' },
  TOKEN_REFUSED: { code: 4101, meaning: 'The token was refused; the error frame before the close says why.' },
  TOKEN_EXPIRED: { code: 4102, meaning: 'The token expired on the live connection.' },
  PROTOCOL_ABUSE: { code: 4200, meaning: 'The connection sent too many invalid frames.' },
  FRAME_TOO_LARGE: { code: 4201, meaning: 'A frame was so far above the limit that reading it was refused.' },
  ENDED_BY_BACKEND: {
    code: 4202,
    meaning: 'A back end ended this connection, and the client is not to come back by itself.',
  },
  ORIGIN_REFUSED: { code: 4203, meaning: 'Pages of this origin may not connect.' },
} as const satisfies Record<string, CloseDefinition>;

export type CloseName = keyof typeof CLOSES;

/** The client's reaction to a close with `code`, by the code's range. Codes outside 4000-4299: reconnect. */
export function afterClose(code: number): AfterClose {
  if (code >= 4100 && code < 4200) return 'new-token';
  if (code >= 4200 && code < 4300) return 'stay-closed';
  return 'reconnect';
}
