import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '@carillon/broker';

const LOOK_EVERY_MS = 10;

/**
 * Waits until everything accepted is stored, so that who waits for `stored` is told, and the next start has nothing to make up for. Comes
 * after the gateway has closed and before persistence does. Answers whether the log is empty.
 */
export async function drainLog(broker: Broker, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const backlog = await broker.log.backlog();
    if (backlog.every(({ entries, pending }) => entries === 0 && pending === 0)) return true;
    if (performance.now() > deadlineMs) return false;
    await pause(LOOK_EVERY_MS);
  }
}
