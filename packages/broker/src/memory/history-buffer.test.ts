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

it('[C10] keeps each message for its time and at most an eighth longer, however busy the channel is', () => {
  const TTL_MS = 800;
  fc.assert(
    fc.property(fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }), fc.nat(1000), (pauses, restMs) => {
      const buffer = new HistoryBuffer();
      const times: number[] = [];
      let nowMs = 0;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        times.push(nowMs);
        buffer.append(entry(times.length), { maxMessages: 1000, ttlMs: TTL_MS }, nowMs);
      }
      nowMs += restMs;
      const kept = new Set(seqs(buffer.range(1, times.length, 1000, nowMs)));
      for (const [i, time] of times.entries()) {
        if (nowMs - time <= TTL_MS) expect(kept).toContain(i + 1);
        if (nowMs - time > (TTL_MS * 9) / 8) expect(kept).not.toContain(i + 1);
      }
      const copy = new HistoryBuffer();
      for (const one of buffer.entries()) copy.restore(one, buffer.expiryOf(one));
      for (const laterMs of [0, 50, 200, 400, TTL_MS])
        expect(seqs(copy.range(1, 1000, 1000, nowMs + laterMs))).toEqual(
          seqs(buffer.range(1, 1000, 1000, nowMs + laterMs)),
        );
    }),
  );
});
