import type { ProcessHistory } from './history.ts';
import { appsApart, oneContent, refusedIsNotRead, refusedWithReason } from './invariants/contents.ts';
import {
  acceptedIsRead,
  noContentTwice,
  publisherFifo,
  publisherFifoOfPositions,
} from './invariants/deliveries.ts';
import { lossIsTrue, nobodyWaits, storedIsTrue, storedOnce } from './invariants/losses.ts';
import { orderOfArrival } from './invariants/order-of-arrival.ts';
import { fullReread, recoveredInTime, recoveries, storedEqualsLog } from './invariants/records.ts';
import { buildModel, type Model } from './model.ts';
import type { Expectations, Invariant, InvariantCheck, Violation } from './verdict.ts';

const CHECKS: readonly InvariantCheck[] = [
  acceptedIsRead,
  refusedIsNotRead,
  refusedWithReason,
  oneContent,
  orderOfArrival,
  noContentTwice,
  publisherFifo,
  publisherFifoOfPositions,
  storedEqualsLog,
  storedOnce,
  storedIsTrue,
  lossIsTrue,
  nobodyWaits,
  appsApart,
  recoveredInTime,
  fullReread,
  function* soundHistory({ nonsense }) {
    for (const text of nonsense) yield { invariant: 'sound-history', text };
  },
];

/** Violations of one invariant that are kept in words; more are only counted. */
const MAX_TOLD = 20;

export interface Verdict {
  /** The first ones of each invariant. */
  readonly violations: readonly Violation[];
  /** All of them, counted. */
  readonly violated: Readonly<Partial<Record<Invariant, number>>>;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly deliveries: number;
  readonly recovered: number;
  readonly stored: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The slowest return of a subscription after a fault, in milliseconds. */
  readonly worstRecoveryMs: number;
}

/** Judges what happened. Pure: the same histories give the same verdict. */
export function check(histories: Iterable<ProcessHistory>, expectations: Expectations = {}): Verdict {
  const model = buildModel(histories);
  const all = {
    isDurable: () => true,
    refusalCodes: ['PERMISSION_DENIED'],
    dataLost: false,
    gone: 0,
    storedIsKnown: true,
    rereadIsKnown: true,
    ...expectations,
    isGone: (key: string) => model.forgotten.has(key) || expectations.isGone?.(key) === true,
  };
  const violations: Violation[] = [];
  const violated: Partial<Record<Invariant, number>> = {};
  for (const violation of CHECKS.flatMap((run) => [...run(model, all)])) {
    const count = (violated[violation.invariant] ?? 0) + 1;
    violated[violation.invariant] = count;
    if (count <= MAX_TOLD) violations.push(violation);
  }
  return { violations, violated, ...countsOf(model) };
}

function countsOf(model: Model): Omit<Verdict, 'violations' | 'violated'> {
  const outcomes = { ok: 0, failed: 0, unknown: 0 };
  for (const { outcome } of model.attempts.values()) outcomes[outcome]++;
  const events = { receive: 0, recovered: 0, notice: 0 };
  for (const life of model.lives) for (const { type } of life.events) events[type]++;
  let worstRecoveryMs = 0;
  for (const { tookMs } of recoveries(model)) worstRecoveryMs = Math.max(worstRecoveryMs, tookMs);
  return {
    accepted: outcomes.ok,
    refused: outcomes.failed,
    unknown: outcomes.unknown,
    deliveries: events.receive,
    recovered: events.recovered,
    stored: model.stored.length,
    faults: Object.fromEntries(model.faults),
    worstRecoveryMs,
  };
}
