import { RealtimeError } from './errors.ts';
import type { ResolvedOptions, TokenRequest } from './options.ts';

/** The token in use, and when to fetch another. */
export class TokenSource {
  readonly #options: Pick<ResolvedOptions, 'token' | 'getToken'>;
  #token: string | undefined;
  #request: TokenRequest | undefined = { reason: 'first' };
  #expiresAt = Number.POSITIVE_INFINITY;

  constructor(options: Pick<ResolvedOptions, 'token' | 'getToken'>) {
    this.#options = options;
    this.#token = options.token;
  }

  /** Can a refused token be replaced? */
  get renewable(): boolean {
    return this.#options.getToken !== undefined;
  }

  /** The token to present; `undefined` for anonymous clients. @throws RealtimeError `TOKEN_CALLBACK_FAILED`. */
  async get(): Promise<string | undefined> {
    const { getToken } = this.#options;
    if (getToken === undefined) return this.#token;
    const request = this.#request ?? (Date.now() >= this.#expiresAt ? { reason: 'expired' } : undefined);
    if (request === undefined) return this.#token;
    try {
      this.#token = await getToken(request as TokenRequest);
    } catch (cause) {
      throw new RealtimeError('TOKEN_CALLBACK_FAILED', 'getToken failed', { retryable: true, cause });
    }
    this.#request = undefined;
    this.#expiresAt = Number.POSITIVE_INFINITY;
    return this.#token;
  }

  /** The server took the token and says when it runs out, in milliseconds since 1970. */
  accepted(expiresAt: number | undefined): void {
    this.#expiresAt = expiresAt ?? Number.POSITIVE_INFINITY;
  }

  refused(error: RealtimeError | undefined): void {
    this.#request = error === undefined ? { reason: 'refused' } : { reason: 'refused', error };
  }
}
