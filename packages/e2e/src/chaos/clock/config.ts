/** Environment of a process whose clock is wrong. */
export const environment = { shiftedClockMs: Number(process.env.SHIFTED_CLOCK_MS ?? 0) };
