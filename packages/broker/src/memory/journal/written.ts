import type { Journal } from './journal.ts';

/** Resolves when everything appended so far is written. Rejects with `UNAVAILABLE`. */
export async function written(journal: Journal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (journal.problem !== undefined) throw journal.problem;
  journal.afterWrite((problem) => (problem === undefined ? resolve() : reject(problem)));
  await promise;
}
