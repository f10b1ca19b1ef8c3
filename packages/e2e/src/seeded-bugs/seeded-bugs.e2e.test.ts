/**
 * The checker is proven itself: each scenario passes as the product is, and each of these bugs, put into the product's source while it
 * is loaded, makes its scenario violate the guarantee that stands beside it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUGS } from './bugs.ts';
import type { EditName } from './edits.ts';
import { Laboratory } from './laboratory.ts';
import { SCENARIOS, type ScenarioName } from './scenarios.ts';

/** Tests wait for their turn: two run at a time. */
const TIMEOUT_MS = 900_000;

describe('seeded bugs', () => {
  let laboratory: Laboratory;
  beforeAll(async () => {
    laboratory = await Laboratory.open();
  }, 180_000);
  afterAll(() => laboratory?.close());

  describe.concurrent('the product as it is passes', { timeout: TIMEOUT_MS }, () => {
    it.each(Object.keys(SCENARIOS) as ScenarioName[])('%s', async (scenario) => {
      const { violations, deliveries, accepted } = await laboratory.run(scenario);
      expect(violations).toEqual([]);
      expect(accepted + deliveries).toBeGreaterThan(0);
    });
  });

  describe.concurrent('a bug is found', { timeout: TIMEOUT_MS }, () => {
    it.each(Object.entries(BUGS))('%s', async (name, { scenario, violates }) => {
      const { violated } = await laboratory.run(scenario, name as EditName);
      expect(
        Object.keys(violated).filter((invariant) => violates.some((expected) => expected === invariant)),
      ).not.toEqual([]);
    });
  });
});
