import type { Bug } from './bug.ts';
import type { LOSS_EDITS } from './loss-edits.ts';

/** Each breaks one step of what is done when Redis comes back as another process (docs/architecture/redis-loss.md). */
export const LOSS_BUGS: Readonly<Partial<Record<keyof typeof LOSS_EDITS, Bug>>> = {
  'generation-not-raised': {
    what: 'claim script: another Redis process gets no generation of its own',
    scenario: 'power-lost',
    violates: ['one-content'],
  },
  'settled-unread': {
    what: 'persistence: settles a partition without comparing it with Postgres',
    scenario: 'power-lost',
    violates: ['stored-once'],
  },
  'rest-of-epoch-skipped': {
    what: 'gateway: goes on from an ended epoch without the rest of it',
    scenario: 'power-lost',
    violates: ['epochs-joined'],
  },
  'stored-ids-forgotten': {
    what: 'extend script: a repeat of what only Postgres has is not recognised',
    scenario: 'power-lost',
    violates: ['stored-once', 'one-content'],
  },
  'held-forgotten': {
    what: 'gateway: does not publish again what it holds',
    scenario: 'redis-older',
    violates: ['stored-equals-log'],
  },
  'republished-unsettled': {
    what: 'gateway: publishes again before Postgres has been compared',
    scenario: 'redis-older',
    violates: ['stored-once'],
  },
  'republished-ids-forgotten': {
    what: 'publish script: a repeat of what was published again is not recognised',
    scenario: 'redis-older',
    violates: ['stored-once', 'one-content'],
  },
  'taken-unsettled': {
    what: 'gateway: takes durable publishes before Postgres has been compared',
    scenario: 'redis-older',
    violates: ['stored-once', 'one-content'],
  },
  'unsettled-end-believed': {
    what: 'gateway: takes the end of an epoch that is not final',
    scenario: 'database-late',
    violates: ['epochs-joined'],
  },
  'sealed-end-moved': {
    what: 'extend script: moves an end after which somebody has gone on',
    scenario: 'database-late',
    violates: ['epochs-joined'],
  },
  'no-looks-again': {
    what: 'persistence: does not look again for what lies behind the ends of epochs',
    scenario: 'database-late',
    violates: ['epochs-joined'],
  },
  'moved-is-new': {
    what: 'persistence: stores what was published again beside its first copy',
    scenario: 'database-late',
    violates: ['stored-once'],
  },
  'generation-not-compared': {
    what: 'publish script: does not compare the generation',
    scenario: 'redis-flushed',
    violates: ['epochs-joined'],
  },
  'stored-cursor-not-asked': {
    what: 'gateway: a consumer that Redis has lost begins anew',
    scenario: 'redis-flushed',
    violates: ['epochs-joined'],
  },
  'flush-unnoticed': {
    what: 'gateway: a heartbeat that finds another generation says nothing',
    scenario: 'flushed-in-silence',
    violates: ['stored-equals-log'],
  },
  'epochs-between-skipped': {
    what: 'gateway: goes on from an ended epoch to the present one, past those between',
    scenario: 'redis-restarts',
    violates: ['epochs-joined'],
  },
  'predecessor-forgotten': {
    what: 'a new epoch does not name the one before it',
    scenario: 'redis-restarts',
    violates: ['nothing-skipped'],
  },
  'loss-not-noted': {
    what: 'claim script: a loss that a gateway has evidence of is not noted',
    scenario: 'lost-unheard',
    violates: ['epochs-joined'],
  },
  'settled-as-complete': {
    what: 'settle script: a loss that Postgres has evidence of is not noted',
    scenario: 'lost-but-for-postgres',
    violates: ['epochs-joined'],
  },
};
