import {
  type AnonymousPolicy,
  anonymousIdentity,
  createTokenVerifier,
  type Identity,
  type TokenVerifier,
} from '@carillon/auth';
import { CarillonError } from '@carillon/protocol';
import { type Counter, type Family, METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { GatewayConfig } from '../config.ts';

/** Without a key only anonymous clients can be let in. */
export function createAuthenticator(auth: GatewayConfig['auth'], telemetry: Telemetry): Authenticator {
  const logger = telemetry.loggerOf('gateway');
  const repeated = new RepeatedLog(logger);
  const hasKey = (auth.secret ?? auth.publicKey ?? auth.jwksUrl) !== undefined;
  const verifier = hasKey
    ? createTokenVerifier(auth, {
        onKeySetFault: (err) => logger.warn({ err }, 'the key set cannot be read'),
        onIgnoredClaim: (claim, allowed) =>
          repeated.warn({ claim, allowed }, 'a claim of a token was ignored: it can not be used'),
      })
    : undefined;
  return new Authenticator(verifier, auth.anonymous, telemetry);
}

/** Turns a token, or its absence, into an identity. */
export class Authenticator {
  readonly #verifier: TokenVerifier | undefined;
  readonly #anonymous: Identity | undefined;
  readonly #failures: Family<Counter>;

  constructor(
    verifier: TokenVerifier | undefined,
    anonymous: AnonymousPolicy | undefined,
    telemetry: Telemetry,
  ) {
    this.#verifier = verifier;
    this.#anonymous = anonymousIdentity(anonymous);
    this.#failures = telemetry.metrics.counters(METRICS.authFailures);
  }

  /** @throws CarillonError (as a rejection) with one of the TOKEN_ codes, or KEYS_UNAVAILABLE. */
  async authenticate(token: string | undefined): Promise<Identity> {
    return await this.authenticateNow(token);
  }

  /** As `authenticate`, at once where nothing has to be waited for. @throws CarillonError at once or as a rejection */
  authenticateNow(token: string | undefined): Identity | Promise<Identity> {
    try {
      const identity = this.#identityOf(token);
      return identity instanceof Promise ? identity.catch((error: unknown) => this.#refuse(error)) : identity;
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #identityOf(token: string | undefined): Identity | Promise<Identity> {
    if (token === undefined) return this.#withoutToken();
    if (this.#verifier === undefined)
      throw new CarillonError(
        'TOKEN_SIGNATURE_INVALID',
        'This installation takes no tokens: it has no key to verify them.',
      );
    return this.#verifier.verifyNow(token);
  }

  #refuse(error: unknown): never {
    this.#failures.labels(error instanceof CarillonError ? error.code : 'INTERNAL').add();
    throw error;
  }

  #withoutToken(): Identity {
    if (this.#anonymous === undefined) throw new CarillonError('TOKEN_MISSING');
    return this.#anonymous;
  }
}
