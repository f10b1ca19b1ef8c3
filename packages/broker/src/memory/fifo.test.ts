import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from './fifo.ts';

const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ kind: fc.constant('drop' as const), count: fc.integer({ min: -1, max: 150 }) }),
  fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 0, max: 50 }) }),
);

it('does what an array does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(200), fc.nat(200), (steps, from, to) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const { kind, count } of steps) {
        if (kind === 'push') {
          const items = Array.from({ length: count }, () => next++);
          for (const item of items) fifo.push(item);
          model.push(...items);
        } else if (kind === 'take') {
          expect(fifo.take(count)).toEqual(model.slice(0, count));
          model = model.slice(count);
        } else {
          fifo.drop(count);
          model = model.slice(Math.max(0, count));
        }
        expect(fifo.length).toBe(model.length);
        expect([fifo.at(0), fifo.last()]).toEqual([model[0], model.at(-1)]);
      }
      expect(fifo.slice(from, to)).toEqual(model.slice(from, to));
    }),
  );
});
