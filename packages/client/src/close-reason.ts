import { type AfterClose, afterClose, type DisconnectFrame, type ErrorBody } from '@carillon/protocol';
import { fromErrorBody, RealtimeError } from './errors.ts';
import { ABNORMAL_CLOSURE } from './socket.ts';

/** Close codes from here on are the protocol's. */
const FIRST_OWN_CODE = 4000;

export interface Ending {
  readonly code: number;
  readonly error: RealtimeError;
  readonly after: AfterClose;
  /** The server's `error` frame before the close. */
  readonly said: RealtimeError | undefined;
}

/** Collects the server's `error` and `disconnect` frames of a connection, until it closes. */
export class CloseReason {
  #error: RealtimeError | undefined;
  #disconnect: DisconnectFrame | undefined;

  onError(body: ErrorBody): RealtimeError {
    this.#error = fromErrorBody(body);
    return this.#error;
  }

  onDisconnect(frame: DisconnectFrame): void {
    this.#disconnect = frame;
  }

  /** @param wasUp whether the connection had been accepted: then an earlier error explains only an end that the server made */
  endingOf(closeCode: number, closeReason: string, wasUp: boolean): Ending {
    const disconnect = this.#disconnect;
    // A proxy may cut the connection before the close frame arrives; the `disconnect` frame has said it already.
    const code = closeCode === ABNORMAL_CLOSURE ? (disconnect?.code ?? closeCode) : closeCode;
    const said = !wasUp || code >= FIRST_OWN_CODE ? this.#error : undefined;
    const why = disconnect?.reason || said?.message || closeReason || 'no connection';
    const error = new RealtimeError(said?.code ?? 'CONNECTION_LOST', why, {
      retryable: true,
      retryAfterMs: disconnect?.retryAfterMs ?? said?.retryAfterMs,
      cause: said,
    });
    return { code, error, after: afterClose(code), said };
  }
}
