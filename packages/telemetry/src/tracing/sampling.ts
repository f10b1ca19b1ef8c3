import { randomTraceId } from './random-ids.ts';
import { isSampled, traceIdOf } from './traceparent.ts';

/** Decides which spans are recorded. Nothing is made of a span that isn't. */
export interface Sampling {
  /** For a span that would begin a trace. */
  readonly root: () => boolean;
  /** For a span with a parent, by the parent's valid traceparent. */
  readonly child: (parent: string) => boolean;
  /** Id of a new trace: the one that `root` has decided about, where the id decides. */
  readonly nextTraceId: () => string;
}

/** The samplers of OTEL_TRACES_SAMPLER. @throws when the name isn't one of them. */
export function samplingOf(sampler: string, ratio: number): Sampling {
  const parentBased = sampler.startsWith('parentbased_');
  switch (sampler.replace('parentbased_', '')) {
    case 'always_on':
      return { root: () => true, child: parentBased ? isSampled : () => true, nextTraceId: randomTraceId };
    case 'always_off':
      return { root: () => false, child: parentBased ? isSampled : () => false, nextTraceId: randomTraceId };
    case 'traceidratio':
      return parentBased
        ? { root: () => Math.random() < ratio, child: isSampled, nextTraceId: randomTraceId }
        : byTraceId(ratio);
    default:
      throw new Error(`there is no sampler named ${sampler}`);
  }
}

/** Without regard to the parent, so all spans of a trace have to be decided alike: by their trace id. */
function byTraceId(ratio: number): Sampling {
  const wanted = (traceId: string): boolean => Number.parseInt(traceId.slice(-13), 16) / 2 ** 52 < ratio;
  let decided: string | undefined;
  return {
    root: () => {
      decided = randomTraceId();
      return wanted(decided);
    },
    child: (parent) => wanted(traceIdOf(parent)),
    nextTraceId: () => {
      const id = decided ?? randomTraceId();
      decided = undefined;
      return id;
    },
  };
}
