import { expect, it } from 'vitest';
import { HeldLeases } from './held-leases.ts';

const lease = (fence: number) => ({ partition: 0, owner: 'a', fence });

it('does no work for a lease that was lost, or lost and gained anew', async () => {
  const held = new HeldLeases();
  held.add(lease(1));
  expect(held.lose(lease(1))).toBe(true);
  held.add(lease(2));
  let worked = 0;
  const work = async () => void worked++;
  await held.use(lease(1), work);
  expect(worked).toBe(0);
  expect(held.lose(lease(1))).toBe(false);
  await held.use(lease(2), work);
  expect(worked).toBe(1);
});

it('retires a partition when the work under way on it is done', async () => {
  const held = new HeldLeases();
  held.add(lease(1));
  const { promise, resolve } = Promise.withResolvers<void>();
  const order: string[] = [];
  const using = held.use(lease(1), () => promise.then(() => void order.push('work')));
  const retiring = held.retire(lease(1)).then(() => void order.push('retired'));
  expect(held.size).toBe(0);
  resolve();
  await Promise.all([using, retiring]);
  expect(order).toEqual(['work', 'retired']);
});

it('wakes who waits for a lease, and lets go when it is stopped', async () => {
  const held = new HeldLeases();
  const waiting = held.untilAny(new AbortController().signal);
  held.add(lease(1));
  await waiting;
  await held.untilAny(new AbortController().signal);
  held.lose(lease(1));
  const stop = new AbortController();
  const stopped = held.untilAny(stop.signal);
  stop.abort();
  await stopped;
});
