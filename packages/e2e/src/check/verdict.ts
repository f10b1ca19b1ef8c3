import type { Model } from './model.ts';

/** The guarantees that are checked, by name. */
export const INVARIANTS = {
  'accepted-is-read': 'each accepted publish is read by each entitled subscriber',
  'refused-is-not-read': 'nothing that was refused, or never published, is read or stored',
  'refused-with-reason': 'no publish is refused for good but for what its publisher did',
  'one-content': 'one (channel, epoch, seq) has one content, and is the one that the publisher was told',
  'no-gap': 'no seq is left out without a word',
  'no-repeat': 'application code gets nothing twice',
  'one-order': 'positions only rise: one order for all',
  'publisher-fifo': "messages of one publisher keep the publisher's order",
  'stored-equals-log': 'Postgres has every message of the log once, and nothing else',
  'nothing-skipped': 'nobody is told that messages are gone',
  'epochs-joined':
    'a new epoch begins with its first message, and the one before it was read to its end, or a gap was told',
  'stored-once': 'Postgres has no message twice, not under two positions either',
  'stored-is-true': 'what a publisher was told to be stored is in Postgres',
  'loss-is-true': 'nothing is told to be gone, or left out, that Postgres has',
  'nobody-waits': 'every publish gets its outcome, and `stored` where it was asked for',
  'apps-apart': "no app sees another's messages",
  'recovered-in-time': 'after a fault everything flows again within the stated time',
  'full-reread': 'the channel read again from its start gives the same messages in the same order',
  'sound-history': 'the histories themselves make sense',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly text: string;
}

export interface Expectations {
  /** Is the channel stored in Postgres? Default: all are. */
  readonly isDurable?: (channel: string) => boolean;
  /**
   * Redis lost acknowledged data: channels may begin new epochs, and what was lost may be announced. Accepted messages must be there all
   * the same, under their first position or a later one. Default false.
   */
  readonly dataLost?: boolean;
  /** Messages that nothing had any more, by their keys: they may be missing everywhere. Default: none. */
  readonly isGone?: (key: string) => boolean;
  /** How many these are. */
  readonly gone?: number;
  /** Refusals that publishers of this run bring on themselves. Default: PERMISSION_DENIED. */
  readonly refusalCodes?: readonly string[];
  /** Was the content of Postgres recorded? Default true. */
  readonly storedIsKnown?: boolean;
  /** Were the channels read again at the end? Default true. */
  readonly rereadIsKnown?: boolean;
}

export type InvariantCheck = (model: Model, expectations: Required<Expectations>) => Iterable<Violation>;
