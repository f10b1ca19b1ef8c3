import { expect, it } from 'vitest';
import { InterestCache } from './interest-cache.ts';

it('forgets what it is told to, what is old, and the oldest when it is full', () => {
  const cache = new InterestCache(2);
  cache.set('app/a', ['g1'], 0);
  cache.set('app/b', ['g2'], 1);
  expect(cache.get('app/a', 2)).toEqual(['g1']);
  cache.set('app/c', [], 2);
  expect(cache.get('app/a', 2)).toBeUndefined();
  expect(cache.size).toBe(2);
  cache.forget('app/b');
  expect(cache.get('app/b', 2)).toBeUndefined();
  expect(cache.get('app/c', 29_000)).toEqual([]);
  expect(cache.get('app/c', 31_000)).toBeUndefined();
});

it('holds no more than its bound when the same channels change', () => {
  const cache = new InterestCache(2);
  for (let i = 0; i < 10; i++) cache.set('app/a', [`g${i}`], i);
  cache.set('app/b', [], 10);
  expect(cache.get('app/a', 10)).toEqual(['g9']);
});
