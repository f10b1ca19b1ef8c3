import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { endDescendants } from './process-tree.ts';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_PATIENCE_MS = 10_000;

export interface StartingOptions {
  readonly say: (line: string) => void;
  /** How long the work may take to end what it has started in its own way. Default 10,000. */
  readonly patienceMs?: number;
}

/**
 * The main of a program that starts others: when it ends, by itself, by a signal or by an error that nobody caught, nothing of them is left.
 * Resolves with the exit code of `work`, 128 and the number of the signal, or 1. To be followed by `process.exit`: work that was not done in
 * time may still be under way.
 *
 * @param work its signal aborts when the program is to end
 */
export async function whileStarting(
  work: (signal: AbortSignal) => Promise<number>,
  { say, patienceMs = DEFAULT_PATIENCE_MS }: StartingOptions,
): Promise<number> {
  const abort = new AbortController();
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const giveUp = (why: string, code: number): void => {
    // After a second signal or error the children are killed without waiting.
    if (abort.signal.aborted) void endDescendants(0).finally(() => process.exit(code));
    say(`${why}: ending what was started`);
    abort.abort(new Error(why));
    end(code);
  };
  for (const name of ENDING) process.on(name, () => giveUp(name, 128 + constants.signals[name]));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => {
      if (abort.signal.aborted) say(`while ending: ${shown(error)}`);
      else giveUp(shown(error), 1);
    });
  const working = work(abort.signal).catch((error: unknown) => {
    say(shown(error));
    return 1;
  });
  const code = await Promise.race([
    working,
    ended.then(async (because) => {
      await Promise.race([working, pause(patienceMs)]);
      return because;
    }),
  ]);
  await endDescendants();
  return abort.signal.aborted ? await ended : code;
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
