/** Requests of one method that may wait at one node beyond those that it works on. */
export const MAX_WAITING = 1000;

/** After so many silent heartbeats a node counts as gone. */
export const STALE_HEARTBEATS = 4;
