import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HistoryBuffer } from './history-buffer.ts';

const entry = (seq: number) => ({ epoch: 'e', seq, record: `${seq}` });
const seqs = (entries: readonly { readonly seq: number }[]) => entries.map(({ seq }) => seq);

it('answers ranges and pages of the newest messages', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.nat(200),
      fc.nat(210),
      fc.nat(210),
      fc.integer({ min: 1, max: 30 }),
      (maxMessages, published, from, to, limit) => {
        const buffer = new HistoryBuffer();
        const all = Array.from({ length: published }, (_, i) => i + 1);
        for (const seq of all) buffer.append(entry(seq), { maxMessages, ttlMs: 1000 }, 0);
        const kept = all.slice(-maxMessages);
        expect(seqs(buffer.range(from, to, limit, 1))).toEqual(
          kept.filter((seq) => seq >= from && seq <= to).slice(0, limit),
        );
        expect(seqs(buffer.latest(to, limit, 1))).toEqual(
          kept
            .filter((seq) => seq < to)
            .slice(-limit)
            .toReversed(),
        );
      },
    ),
  );
});

it('is empty when its time has passed, and begins again', () => {
  const buffer = new HistoryBuffer();
  const keeping = { maxMessages: 5, ttlMs: 100 };
  buffer.append(entry(1), keeping, 0);
  expect(seqs(buffer.range(1, 9, 9, 100))).toEqual([1]);
  expect(seqs(buffer.range(1, 9, 9, 101))).toEqual([]);
  buffer.append(entry(2), keeping, 200);
  expect(seqs(buffer.range(1, 9, 9, 200))).toEqual([2]);
});

it('never holds messages with a gap between them', () => {
  const buffer = new HistoryBuffer();
  const keeping = { maxMessages: 5, ttlMs: 100 };
  for (const seq of [1, 2, 4, 5]) buffer.append(entry(seq), keeping, 0);
  expect(seqs(buffer.range(1, 9, 9, 0))).toEqual([4, 5]);
});
