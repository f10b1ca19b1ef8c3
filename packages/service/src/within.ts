/** Settles like `work`, or resolves to `late` after `timeoutMs`. `work` goes on; what it rejects with then is dropped. */
export async function within<T, L>(work: Promise<T>, timeoutMs: number, late: L): Promise<T | L> {
  const { promise, resolve } = Promise.withResolvers<L>();
  const timer = setTimeout(() => resolve(late), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
