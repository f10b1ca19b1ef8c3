import { setTimeout as pause } from 'node:timers/promises';
import type { Broker } from '@carillon/broker';

const LOOK_EVERY_MS = 10;

/**
 * Waits until everything accepted is stored. The memory broker's log is gone with the process, so a clean stop has to empty it,
 * after the gateway has closed and before persistence does. Answers whether it is empty.
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
