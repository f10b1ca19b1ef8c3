import { setTimeout as timeout } from 'node:timers/promises';
import type { Broker } from '@carillon/broker';
import { createNamespaceResolver, type NamespacePolicy, namespacePolicies } from '@carillon/config';
import { type Database, nextDueInMs } from '@carillon/db';
import type { ServiceShell } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import { PublishDue } from './publish-due.ts';
import { ScheduleAnswers } from './schedule-answers.ts';

/** Longest wait before the table is looked at again: what another process added is seen by then. */
const LOOK_EVERY_MS = 500;
const DEFAULT_MAX_AHEAD_MS = 366 * 86_400_000;
const DEFAULT_MAX_PER_APP = 10_000;

export interface SchedulesOptions {
  readonly broker: Broker;
  readonly database: Database;
  readonly telemetry: Telemetry;
  readonly namespaces?: readonly NamespacePolicy[];
  readonly settings: { readonly scheduleMaxAheadMs?: number; readonly scheduleMaxPerApp?: number };
}

/** Publishes scheduled messages when they are due; answers requests about them. */
export function addSchedules(shell: ServiceShell, options: SchedulesOptions): ScheduleAnswers {
  const { broker, database, telemetry, settings, namespaces = namespacePolicies() } = options;
  const clock = new DueClock();
  const publishDue = new PublishDue({
    broker,
    database,
    namespaces: createNamespaceResolver(namespaces),
    telemetry,
  });
  shell.addLoop({
    name: 'publish scheduled messages',
    run: async (signal, progress) => {
      while (!signal.aborted) {
        await publishDue.publishAll(signal, progress);
        const dueInMs = (await nextDueInMs(database)) ?? LOOK_EVERY_MS;
        await clock.wait(Math.min(dueInMs, LOOK_EVERY_MS), signal);
      }
    },
    onCritical: 'retry',
  });
  return new ScheduleAnswers({
    database,
    limits: {
      maxAheadMs: settings.scheduleMaxAheadMs ?? DEFAULT_MAX_AHEAD_MS,
      maxPerApp: settings.scheduleMaxPerApp ?? DEFAULT_MAX_PER_APP,
    },
    onAdded: () => clock.lookAgain(),
  });
}

/** A wait that ends when there is something new to look at. */
class DueClock {
  #again = new AbortController();

  lookAgain(): void {
    this.#again.abort();
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#again.signal]);
    try {
      await timeout(Math.max(1, ms), undefined, { signal: either });
    } catch (error) {
      if (!either.aborted) throw error;
    }
    this.#again = new AbortController();
  }
}
