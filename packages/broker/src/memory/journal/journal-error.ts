/** The journal can't be read. Waiting doesn't help: somebody has to decide what becomes of the file. */
export class JournalCorruptError extends Error {
  override readonly name = 'JournalCorruptError';
  readonly code = 'JOURNAL_CORRUPT';
  readonly retryable = false;
  readonly path: string;

  constructor(path: string, reason: string, cause?: unknown) {
    super(`The journal ${path} can't be read: ${reason}.`, { cause });
    this.path = path;
  }
}
