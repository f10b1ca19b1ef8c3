import { expect, it } from 'vitest';
import type { Publication } from '../ports.ts';
import { RefusedProducers } from './refused-producers.ts';

const sent = (seq: number, prev: number, producer = 'p'): Publication => ({
  channel: 'app/a',
  id: `m-${seq}`,
  record: '{}',
  keeping: { history: undefined, durable: true },
  dedupe: { kind: 'producer', producer, seq, prev, fingerprint: seq },
});

it('[PU4] what is behind a refused message waits until that comes again', () => {
  const refused = new RefusedProducers();
  refused.note([sent(5, 4), sent(6, 5)]);
  expect(refused.overtakes(sent(7, 6))).toBe(true);
  expect(refused.overtakes(sent(6, 5))).toBe(true);
  expect(refused.overtakes(sent(6, 5, 'other'))).toBe(false);
  expect(refused.overtakes(sent(5, 4))).toBe(false);
  expect(refused.overtakes(sent(6, 5))).toBe(false);
  expect(refused.isEmpty).toBe(true);
});

it('a producer that has given the refused message up goes on', () => {
  const refused = new RefusedProducers();
  refused.note([sent(5, 4)]);
  expect(refused.overtakes(sent(6, 4))).toBe(false);
});

it('remembers a bounded number of producers', () => {
  const refused = new RefusedProducers();
  refused.note(Array.from({ length: 10_001 }, (_, i) => sent(5, 4, `p-${i}`)));
  expect(refused.overtakes(sent(6, 5, 'p-0'))).toBe(false);
  expect(refused.overtakes(sent(6, 5, 'p-10000'))).toBe(true);
});
