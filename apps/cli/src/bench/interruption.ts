import { SIGINT_EXIT_CODE } from '../exit-codes.ts';

/** Below a launcher such as npx one Ctrl-C may come twice: with the group, and passed on. */
const SAME_CTRL_C_MS = 500;

export interface Interruption {
  /** Resolves at the first Ctrl-C. */
  readonly asked: Promise<void>;
  readonly happened: boolean;
}

/** From now on the first Ctrl-C ends the run, which still tells what it has measured; another one ends the process. */
export function interruption(): Interruption {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  let firstAtMs: number | undefined;
  process.on('SIGINT', () => {
    const nowMs = performance.now();
    if (firstAtMs !== undefined && nowMs - firstAtMs >= SAME_CTRL_C_MS) process.exit(SIGINT_EXIT_CODE);
    firstAtMs ??= nowMs;
    resolve();
  });
  return {
    asked,
    get happened() {
      return firstAtMs !== undefined;
    },
  };
}
