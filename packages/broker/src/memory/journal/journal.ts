import type { CarillonError } from '@carillon/protocol';
import type { JournalEntry } from './journal-entry.ts';

/**
 * Where the memory broker writes down what it changes. What was appended in one turn of the event loop is written together; nobody may be
 * told of a change, or read it, before it is written: after a crash its place would be given to something else.
 */
export interface Journal {
  /** Why nothing can be written now. New changes have to be refused. */
  readonly problem: CarillonError | undefined;
  /** Is anything written at all? */
  readonly keeps: boolean;
  /** An entry that is JSON already. @param text goes with the entry, without U+0000 */
  appendJson(json: string, text: string): void;
  /** @param text goes with the entry, without U+0000 */
  append(entry: JournalEntry, text?: string): void;
  /** Writes what was appended. @throws CarillonError `UNAVAILABLE` while that isn't possible */
  flush(): void;
  /** Calls back when everything appended so far is written, or could not be written in time: then it may be written later. */
  afterWrite(settle: (problem: CarillonError | undefined) => void): void;
}

/** For a broker whose state lives as long as the process. */
export const NO_JOURNAL: Journal = {
  problem: undefined,
  keeps: false,
  appendJson: () => undefined,
  append: () => undefined,
  flush: () => undefined,
  afterWrite: (settle) => settle(undefined),
};
