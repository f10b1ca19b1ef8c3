import { CarillonError } from '@carillon/protocol';

/** Clients are taken while `serving`. */
export type ServingPhase = 'starting' | 'serving' | 'draining';

const RETRY_AFTER_MS = 1000;

/** Does this gateway take new connections? Asked for each of them. */
export class Intake {
  /** Of the process. */
  phase: ServingPhase = 'starting';
  /** `false`: an operator has it refuse new connections. */
  allowed = true;
  /** A drain by the admin API is under way, or has ended everybody. */
  isDrained = false;

  /** Connections that exist are kept. */
  get isOpen(): boolean {
    return this.phase === 'serving' && this.allowed && !this.isDrained;
  }

  /** Why a new connection is refused; `undefined`: it is taken. */
  refusal(): CarillonError | undefined {
    if (this.isOpen) return undefined;
    const retry = { retryAfterMs: RETRY_AFTER_MS };
    if (this.phase === 'starting')
      return new CarillonError('UNAVAILABLE', 'This gateway is starting.', retry);
    if (this.phase === 'draining' || this.isDrained) return new CarillonError('DRAINING', undefined, retry);
    return new CarillonError('NEW_CONNECTIONS_REFUSED', undefined, retry);
  }

  /** For readiness: load balancers send new clients elsewhere. */
  problem(): string | undefined {
    if (this.isDrained) return 'it is being drained: `carillon gateway drain <id> --stop` ends that';
    return this.allowed ? undefined : 'it refuses new connections: `carillon gateway accept <id>` ends that';
  }
}
