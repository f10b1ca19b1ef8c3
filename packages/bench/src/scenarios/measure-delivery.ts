import { LoadProcess } from '../load/load-process.ts';
import type { Faults, PublisherPlan, SubscriberPlan } from '../load/plan.ts';
import type { Target } from '../targets/target.ts';
import { measure, toResult } from './measure.ts';
import type { Result, Scenario, Timing } from './scenario.ts';

export const PAD_BYTES = 100;
const OPEN_AT_ONCE = 32;

type OfTarget = 'role' | 'dialect' | 'token';

/** The messages published, and their subscribers. */
export interface Load {
  readonly unit: Result['unit'];
  /** Default: 32 connections are opened at once. */
  readonly subscriber: Omit<SubscriberPlan, OfTarget | 'openAtOnce'> &
    Partial<Pick<SubscriberPlan, 'openAtOnce'>>;
  /** Default: the target's dialect, and 100 bytes of padding. */
  readonly publisher: Omit<PublisherPlan, OfTarget | 'padBytes'> &
    Partial<Pick<PublisherPlan, 'dialect' | 'padBytes'>>;
}

/** Opens subscribers and publishers, measures, and compares with what was published in the end. */
export async function measureDelivery(
  scenario: Pick<Scenario, 'name'>,
  target: Target,
  timing: Timing,
  load: Load,
): Promise<Result> {
  const { dialect, token } = target;
  const [subscriber, publisher] = [new LoadProcess(), new LoadProcess()];
  try {
    await subscriber.open({
      role: 'subscriber',
      dialect,
      token,
      openAtOnce: OPEN_AT_ONCE,
      ...load.subscriber,
    });
    await publisher.open({ role: 'publisher', dialect, token, padBytes: PAD_BYTES, ...load.publisher });
    const measured = await measure(target, timing, publisher, subscriber);
    const faults = await settle(publisher, subscriber);
    const { problems } = await subscriber.report();
    await subscriber.stop();
    const result = toResult(scenario, target, load.unit, measured);
    return { ...result, ...faults, problems: [...new Set([...result.problems, ...problems])] };
  } finally {
    subscriber.end();
    publisher.end();
  }
}

/** Ends publishing and waits for what is under way. */
async function settle(publisher: LoadProcess, subscriber: LoadProcess): Promise<Faults> {
  await publisher.stop();
  return await subscriber.settle(await publisher.published());
}
