import { expect, it } from 'vitest';
import { randomSpanId, randomTraceId } from './random-ids.ts';

it('ids are as long as they should be, and none comes twice, over many fillings of the pool', () => {
  const ids = Array.from({ length: 5000 }, () => [randomTraceId(), randomSpanId()]).flat();
  expect(new Set(ids).size).toBe(10_000);
  // No part of one is handed out again as another.
  const eighths = ids.flatMap((id) => id.match(/.{16}/g)!);
  expect(new Set(eighths).size).toBe(15_000);
  for (const id of ids) expect(id).toMatch(/^([0-9a-f]{32}|[0-9a-f]{16})$/);
});
