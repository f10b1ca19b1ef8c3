import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochTimeMs, makeEpoch } from './epoch.ts';
import { countAfter, type EndedEpoch, endOf, epochAfter, MAX_ENDED_EPOCHS, soleEpoch } from './lineage.ts';

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;

const ended = (epoch: string, lastSeq: number): EndedEpoch => ({
  epoch,
  lastSeq,
  isFinal: true,
  isLossy: false,
});

describe('an epoch that was begun for a subscriber and forgotten', () => {
  const since = NOW_MS - DAY_MS;

  it('[SU5] is before the first message, whatever the channel has gone through since', () => {
    const time = fc.integer({ min: since + 1, max: NOW_MS });
    fc.assert(
      fc.property(
        time,
        fc.array(fc.nat(1000), { maxLength: MAX_ENDED_EPOCHS - 1 }),
        fc.nat(1000),
        (madeMs, lengths, seq) => {
          const empty = makeEpoch(madeMs);
          const before = lengths.map((length, i) => ended(makeEpoch(madeMs + 1 + i), length));
          const lineage = { epoch: makeEpoch(madeMs + 100), seq, before, emptySinceMs: since };
          const all = lengths.reduce((sum, length) => sum + length, seq);
          expect(countAfter(lineage, { epoch: empty, seq: 0 })).toBe(all);
          expect(epochAfter(lineage, empty)).toBe(before[0]?.epoch ?? lineage.epoch);
          expect(countAfter(lineage, { epoch: empty, seq: 1 })).toBeUndefined();
        },
      ),
    );
  });

  it('is not believed when the channel may have forgotten messages since', () => {
    const lineage = soleEpoch(makeEpoch(NOW_MS), 3, since);
    expect(endOf(lineage, makeEpoch(since - 1))).toBeUndefined();
    const full = Array.from({ length: MAX_ENDED_EPOCHS }, (_, i) => ended(makeEpoch(NOW_MS - 500 + i), 1));
    expect(endOf({ ...lineage, before: full }, makeEpoch(NOW_MS - 1000))).toBeUndefined();
    expect(endOf(soleEpoch(makeEpoch(NOW_MS), 3), makeEpoch(NOW_MS - 1))).toBeUndefined();
  });

  it('is not taken for one that is still to come, nor is any other text', () => {
    const lineage = soleEpoch(makeEpoch(NOW_MS), 3, since);
    expect(endOf(lineage, makeEpoch(NOW_MS + 1))).toBeUndefined();
    for (const text of ['', 'x', '-gateway-1', '000000000000', 'ABCDEFGHIJKL'])
      expect(endOf(lineage, text)).toBeUndefined();
  });
});

it('tells when an epoch was made', () => {
  expect(epochTimeMs(makeEpoch(NOW_MS))).toBe(NOW_MS);
});
