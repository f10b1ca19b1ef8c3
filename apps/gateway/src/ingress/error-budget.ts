import type { Connection } from '../session/connection.ts';

const WINDOW_MS = 60_000;

/** Counts an invalid frame; `true` when the connection has sent more than `max` within a minute. */
export function isBudgetSpent(connection: Connection, max: number): boolean {
  const now = performance.now();
  if (now - connection.invalidSinceMs > WINDOW_MS) {
    connection.invalidSinceMs = now;
    connection.invalidFrames = 0;
  }
  connection.invalidFrames++;
  return connection.invalidFrames > max;
}
