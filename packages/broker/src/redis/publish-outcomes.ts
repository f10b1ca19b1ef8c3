import type { Publication, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';

/** Nothing was accepted; all may be sent again. */
export function refusedAll(publications: readonly Publication[]): readonly PublishOutcome[] {
  const refusal = refusals.unavailable(undefined);
  return publications.map(() => refusal);
}

/** The primary has it, too few replicas say that they have it: a failover now could lose it. */
export function replicated(outcome: PublishOutcome, acked: number, wanted: number): PublishOutcome {
  if (outcome.status === 'refused' || acked >= wanted) return outcome;
  return refusals.unknown(new Error(`${acked} of ${wanted} replicas have it`));
}
