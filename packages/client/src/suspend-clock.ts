/**
 * A clock for ages: milliseconds since 1970 when it is made, and it never goes back. `performance.now()` stands still while the machine
 * sleeps, and a user may set the wall clock back: this one advances by whichever of the two went further.
 */
export function suspendClock(): () => number {
  let wallAheadMs = Number.NEGATIVE_INFINITY;
  return () => {
    const monotonicMs = performance.now();
    wallAheadMs = Math.max(wallAheadMs, Date.now() - monotonicMs);
    return monotonicMs + wallAheadMs;
  };
}
