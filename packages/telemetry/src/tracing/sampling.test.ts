import { describe, expect, it } from 'vitest';
import { samplingOf } from './sampling.ts';

const SAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const NOT_SAMPLED = `${SAMPLED.slice(0, -1)}0`;

const share = (decide: () => boolean, of = 4000): number =>
  Array.from({ length: of }, decide).filter(Boolean).length / of;

describe('samplers', () => {
  it.each([
    ['parentbased_always_on', 1, [true, true, false]],
    ['parentbased_always_off', 1, [false, true, false]],
    ['parentbased_traceidratio', 1, [true, true, false]],
    ['parentbased_traceidratio', 0, [false, true, false]],
    ['always_on', 0, [true, true, true]],
    ['always_off', 1, [false, false, false]],
    ['traceidratio', 1, [true, true, true]],
    ['traceidratio', 0, [false, false, false]],
  ] as const)('%s %d: root, sampled parent, unsampled parent', (name, ratio, expected) => {
    const { root, child } = samplingOf(name, ratio);
    expect([root(), child(SAMPLED), child(NOT_SAMPLED)]).toEqual(expected);
  });

  it.each(['traceidratio', 'parentbased_traceidratio'])('%s records about the given share', (name) => {
    const { root } = samplingOf(name, 0.25);
    // Six standard deviations: fails once in a billion runs.
    expect(Math.abs(share(root) - 0.25)).toBeLessThan(0.042);
  });

  it('traceidratio decides alike about all spans of a trace', () => {
    const { root, child, nextTraceId } = samplingOf('traceidratio', 0.5);
    for (let i = 0; i < 500; i++) {
      const wanted = root();
      expect(child(`00-${nextTraceId()}-b7ad6b7169203331-01`)).toBe(wanted);
    }
  });

  it('refuses a name that it does not know', () => {
    expect(() => samplingOf('jaeger_remote', 1)).toThrow('jaeger_remote');
  });
});
