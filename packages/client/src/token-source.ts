import { RealtimeError } from './errors.ts';
import type { ResolvedOptions, TokenRequest } from './options.ts';

/** The token in use, and when to fetch another. */
export class TokenSource {
  readonly #options: Pick<ResolvedOptions, 'token' | 'getToken'>;
  #token: string | undefined;
  #request: TokenRequest | undefined = { reason: 'first' };
  #expiresAtMs = Infinity;

  constructor(options: Pick<ResolvedOptions, 'token' | 'getToken'>) {
    this.#options = options;
    this.#token = options.token;
  }

  /** Can a refused token be replaced? */
  get renewable(): boolean {
    return this.#options.getToken !== undefined;
  }

  /** Until the token in use expires, in milliseconds; `Infinity` when it does not, or that is not known. */
  get leftMs(): number {
    return this.#expiresAtMs - Date.now();
  }

  /**
   * The token to present, once `ready` has resolved; `undefined` for anonymous clients.
   * @throws RealtimeError `TOKEN_CALLBACK_FAILED`.
   */
  async get(ready?: Promise<void>): Promise<string | undefined> {
    await ready;
    if (!this.renewable) return this.#token;
    const request = this.#request ?? (this.leftMs <= 0 ? ({ reason: 'expired' } as const) : undefined);
    return request === undefined ? this.#token : this.renew(request);
  }

  /** A new token. @throws RealtimeError `TOKEN_CALLBACK_FAILED`. */
  async renew(request: TokenRequest): Promise<string> {
    try {
      this.#token = await this.#options.getToken!(this.#request ?? request);
    } catch (cause) {
      throw new RealtimeError('TOKEN_CALLBACK_FAILED', 'getToken failed', { retryable: true, cause });
    }
    this.#request = undefined;
    this.#expiresAtMs = Infinity;
    return this.#token;
  }

  /** The server took the token and says when it runs out and what its clock shows, in milliseconds since 1970. */
  accepted(expiresAt: number | undefined, serverNow: number): void {
    // Counted from the server's clock: this one may be wrong.
    this.#expiresAtMs = expiresAt === undefined ? Infinity : Date.now() + expiresAt - serverNow;
  }

  refused(error: RealtimeError | undefined): void {
    this.#request = error === undefined ? { reason: 'refused' } : { reason: 'refused', error };
  }
}
