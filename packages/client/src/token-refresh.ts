import type { ServerFrame } from '@carillon/protocol';
import { backoffDelayMs } from './backoff.ts';
import type { Emitter } from './emitter.ts';
import { fromErrorBody, RealtimeError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { MAX_TIMER_MS, type ResolvedOptions, type TokenRequest } from './options.ts';
import type { TokenSource } from './token-source.ts';

/** A callback that always gives the same token must not be called without a pause. */
const MIN_DELAY_MS = 1_000;

export interface TokenRefreshDeps {
  readonly options: ResolvedOptions;
  readonly tokens: TokenSource;
  readonly events: Emitter<ClientEvents>;
  readonly send: (frame: string) => void;
  readonly nextRequestId: () => number;
  /** The new token is in force: what the old one did not allow may be allowed now. */
  readonly onRefreshed: () => void;
}

/** Replaces the token of the live connection before it expires. A failure harms nothing yet: it is tried again with backoff. */
export class TokenRefresh {
  readonly #deps: TokenRefreshDeps;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Makes late answers of callbacks stale. */
  #attempt = 0;
  #busy = false;
  #failures = 0;
  #requestId: number | undefined;

  constructor(deps: TokenRefreshDeps) {
    this.#deps = deps;
  }

  /** The server took a token, with `connect` or with `refresh`. */
  start({ expiresAt, timestamp }: { readonly expiresAt?: number; readonly timestamp: number }): void {
    const { tokens, options } = this.#deps;
    this.stop();
    tokens.accepted(expiresAt, timestamp);
    if (!tokens.renewable || expiresAt === undefined) return;
    const { leftMs } = tokens;
    // A token that lives shorter than the threshold is renewed at half of its life.
    const early = leftMs > options.refreshThresholdMs ? leftMs - options.refreshThresholdMs : leftMs / 2;
    this.#after(Math.max(MIN_DELAY_MS, early), { reason: 'expiring' });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#busy = false;
    this.#failures = 0;
    this.#requestId = undefined;
  }

  /** The server warns. */
  onExpiring(): void {
    if (this.#deps.tokens.renewable && !this.#busy && this.#failures === 0) this.#run({ reason: 'expiring' });
  }

  /** Returns whether the frame was an answer to a refresh. */
  onFrame(frame: ServerFrame): boolean {
    if (frame.type !== 'refreshed' && frame.type !== 'error') return false;
    if (this.#requestId === undefined || frame.re !== this.#requestId) return false;
    if (frame.type === 'error') {
      const error = fromErrorBody(frame);
      this.#deps.tokens.refused(error);
      this.#failed(error);
    } else {
      this.start(frame);
      this.#deps.events.emit('tokenRefreshed', { expiresAt: frame.expiresAt });
      this.#deps.onRefreshed();
    }
    return true;
  }

  #after(delayMs: number, request: TokenRequest): void {
    const step = Math.min(delayMs, MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      if (delayMs > step) this.#after(delayMs - step, request);
      else this.#run(request);
    }, step);
  }

  #run(request: TokenRequest): void {
    const { tokens, options, send, nextRequestId } = this.#deps;
    const attempt = ++this.#attempt;
    clearTimeout(this.#timer);
    this.#busy = true;
    this.#timer = setTimeout(() => {
      this.#failed(new RealtimeError('TIMEOUT', `No new token within ${options.connectTimeoutMs} ms`));
    }, options.connectTimeoutMs);
    tokens.renew(request).then(
      (token) => {
        if (attempt !== this.#attempt) return;
        this.#requestId = nextRequestId();
        send(JSON.stringify({ type: 'refresh', id: this.#requestId, token }));
      },
      (error: RealtimeError) => {
        if (attempt === this.#attempt) this.#failed(error);
      },
    );
  }

  #failed(error: RealtimeError): void {
    const { options, events } = this.#deps;
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#busy = false;
    this.#requestId = undefined;
    this.#failures++;
    // A server that does not know the frame will close the connection when the token is over; then there is another one.
    const willRetry = error.code !== 'FRAME_TYPE_UNKNOWN';
    if (willRetry) {
      const delayMs = backoffDelayMs(options, this.#failures, error);
      this.#after(delayMs, { reason: 'expiring' });
    }
    events.emit('authFailed', { error, willRetry });
  }
}
