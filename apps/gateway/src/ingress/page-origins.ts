import type { OriginMatcher } from '@carillon/config';
import type { Logger } from '@carillon/telemetry';

/** Origins that were told in the log. With more of them somebody makes them up. */
const MAX_TOLD = 100;

const LOOPBACK_HOST = /^(127(?:\.\d{1,3}){3}|localhost|::1|\[::1\])$/;
const LOOPBACK_ORIGIN =
  /^https?:\/\/(127(?:\.\d{1,3}){3}|localhost|[a-z0-9-]+\.localhost|\[::1\])(:\d{1,5})?$/;

/**
 * Origins of pages that may use the gateway. While it listens on this machine alone, pages of this machine may: a
 * developer runs them with a server of their own. A refused page is logged once, with the setting that allows it.
 */
export class PageOrigins implements OriginMatcher {
  readonly #listed: OriginMatcher;
  readonly #local: boolean;
  readonly #logger: Logger;
  readonly #told = new Set<string>();

  constructor(deps: {
    readonly listed: OriginMatcher;
    /** Where the gateway listens. */
    readonly host: string;
    readonly logger: Logger;
  }) {
    this.#listed = deps.listed;
    this.#local = LOOPBACK_HOST.test(deps.host);
    this.#logger = deps.logger;
  }

  allows(origin: string, requestHost?: string): boolean {
    if (this.#listed.allows(origin, requestHost)) return true;
    if (this.#isLocal(origin)) return true;
    this.#tell(origin);
    return false;
  }

  allowsCredentials(origin: string, requestHost?: string): boolean {
    return this.#listed.allowsCredentials(origin, requestHost) || this.#isLocal(origin);
  }

  #isLocal(origin: string): boolean {
    return this.#local && LOOPBACK_ORIGIN.test(origin);
  }

  #tell(origin: string): void {
    if (this.#told.has(origin) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(origin);
    this.#logger.warn(
      { origin: origin.slice(0, 300) },
      'a page of this origin was refused: add it to CARILLON_ALLOWED_ORIGINS if it is yours',
    );
  }
}
