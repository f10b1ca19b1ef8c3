import type { Bug } from './bug.ts';
import type { SINGLE_EDITS } from './single-edits.ts';

/** Each breaks what the single process promises of its journal. */
export const SINGLE_BUGS: Readonly<Partial<Record<keyof typeof SINGLE_EDITS, Bug>>> = {
  'told-before-written': {
    what: 'journal: a publish is accepted before it is written',
    scenario: 'single-unheard',
    violates: ['one-content'],
  },
  'shown-before-written': {
    what: 'memory broker: subscribers get a message before it is written',
    scenario: 'single-heard',
    violates: ['one-content', 'nothing-skipped', 'no-repeat'],
  },
  'stored-before-written': {
    what: 'memory broker: the database gets a message before it is written',
    scenario: 'single-stored',
    violates: ['one-content'],
  },
  'unstored-forgotten': {
    what: 'journal: the log of what is not stored is not read',
    scenario: 'single-dies',
    violates: ['stored-equals-log'],
  },
  'producers-forgotten': {
    what: 'journal: what repeats are recognised by is not read',
    scenario: 'single-dies',
    violates: ['one-content'],
  },
};
