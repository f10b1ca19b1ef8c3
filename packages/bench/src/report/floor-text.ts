import type { Result } from '../scenarios/scenario.ts';
import { RELAY } from '../targets/target.ts';

/** The floor of a run, where it was measured as a target. */
export function relayOf<T extends Pick<Result, 'target'>>(results: readonly T[]): T | undefined {
  return results.find(({ target }) => target === RELAY);
}

/** Description of the floor program of a run. */
export function floorText(results: readonly Pick<Result, 'target'>[]): string {
  return relayOf(results) === undefined
    ? 'a loop of write(2) in C'
    : 'three C programs that go the same way and do nothing else';
}
