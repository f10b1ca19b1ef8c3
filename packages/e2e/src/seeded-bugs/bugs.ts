import type { Bugs } from './bug.ts';
import { LOSS_BUGS } from './loss-bugs.ts';
import { SINGLE_BUGS } from './single-bugs.ts';

export const BUGS: Bugs = {
  'producer-dedupe-off': {
    what: 'publish script: a repeat is not recognised',
    scenario: 'answers-lost',
    violates: ['no-repeat', 'one-content'],
  },
  'outcome-guessed': {
    what: 'gateway: an unknown outcome is answered with `accepted`',
    scenario: 'answers-lost',
    violates: ['one-content', 'accepted-is-read'],
  },
  'repeat-answered-wrong': {
    what: 'publish script: a repeat is answered with another position',
    scenario: 'answers-lost',
    violates: ['one-content'],
  },
  'producer-order-off': {
    what: 'publish script: a message may overtake one that was refused',
    scenario: 'refused-while-more-comes',
    violates: ['publisher-fifo', 'refused-with-reason'],
  },
  'seq-once-per-batch': {
    what: 'publish script: the seq is not raised within a batch',
    scenario: 'bursts',
    violates: ['one-content'],
  },
  'epoch-not-bumped': {
    what: 'a channel that lost its state begins the same epoch again',
    scenario: 'channel-expires',
    violates: ['one-content'],
  },
  'log-append-forgotten': {
    what: 'publish script: accepted, but not in the log',
    scenario: 'one-epoch',
    violates: ['stored-equals-log'],
  },
  'refused-is-appended': {
    what: 'gateway: a message without permission is refused and published',
    scenario: 'without-permission',
    violates: ['refused-is-not-read'],
  },
  'wrong-app-prefix': {
    what: 'gateway: the name of the app is left out',
    scenario: 'two-apps',
    violates: ['apps-apart'],
  },
  'gateway-dedupe-off': {
    what: 'gateway: what came before is delivered again',
    scenario: 'feed-repeats',
    violates: ['no-repeat'],
  },
  'gap-repair-off': {
    what: 'gateway: a jump in seq is passed on',
    scenario: 'feed-cut',
    violates: ['no-gap'],
  },
  'missed-pushes-not-read': {
    what: 'gateway: connected again, it does not look for what was pushed meanwhile',
    scenario: 'pushes-cut',
    violates: ['accepted-is-read'],
  },
  'position-heartbeat-off': {
    what: 'gateway: silent channels are not compared',
    scenario: 'last-message-cut',
    violates: ['accepted-is-read'],
  },
  'resume-skips-one': {
    what: 'gateway: resume begins one too late',
    scenario: 'come-back',
    violates: ['no-gap'],
  },
  'resume-repeats-one': {
    what: 'gateway: resume begins one too early',
    scenario: 'come-back',
    violates: ['no-repeat'],
  },
  'newer-position-not-believed': {
    what: 'gateway: a client that has more than this gateway is told that its position is wrong',
    scenario: 'roams',
    violates: ['nothing-skipped', 'no-repeat'],
  },
  'resume-gives-up-at-once': {
    what: 'gateway: missed messages that can not be read at this moment are given up',
    scenario: 'comes-back-too-early',
    violates: ['nothing-skipped', 'accepted-is-read'],
  },
  'live-before-history': {
    what: 'gateway: live messages come before the missed ones',
    scenario: 'come-back',
    violates: ['no-gap', 'one-order', 'no-repeat'],
  },
  'late-for-live': {
    what: 'gateway: a pause between the last missed and the first live message',
    scenario: 'come-back',
    violates: ['no-gap'],
  },
  'interest-removed-too-early': {
    what: 'gateway: a channel is given back when one of two subscribers leaves',
    scenario: 'one-leaves',
    violates: ['accepted-is-read', 'no-gap'],
  },
  'feed-trimmed-too-far': {
    what: 'heartbeat script: trims what the gateway has not read',
    scenario: 'gateway-stands-still',
    violates: ['no-gap'],
  },
  'acks-kept-to-oneself': {
    what: 'gateway: does not ask what a consumer has acknowledged on its other connections',
    scenario: 'one-works',
    violates: ['no-repeat'],
  },
  'cursor-before-effects': {
    what: 'router: moves its cursor before it has forwarded',
    scenario: 'routers-die',
    violates: ['no-gap', 'accepted-is-read'],
  },
  'narrow-without-cursor': {
    what: 'narrow script: does not wait for the last routed message',
    scenario: 'lanes',
    violates: ['no-gap', 'one-order'],
  },
  'interest-change-unheard': {
    what: 'router: does not hear that a gateway came',
    scenario: 'third-comes',
    violates: ['accepted-is-read', 'no-gap'],
  },
  'claim-off': {
    what: "persistence: a dead worker's messages are left",
    scenario: 'persistence-dies',
    violates: ['stored-equals-log'],
  },
  'ack-before-commit': {
    what: 'persistence: acknowledged before the commit',
    scenario: 'persistence-dies',
    violates: ['stored-equals-log'],
  },
  'log-trimmed-too-far': {
    what: 'commit script: trims what others still hold',
    scenario: 'persistence-dies',
    violates: ['stored-equals-log'],
  },
  'outage-taken-for-done': {
    what: 'persistence: a failed insert is taken for done',
    scenario: 'postgres-full',
    violates: ['stored-equals-log'],
  },
  'insert-without-channel': {
    what: 'persistence: messages are told apart without their channel',
    scenario: 'one-epoch',
    violates: ['stored-equals-log'],
  },
  'refused-given-up': {
    what: 'persistence: what Postgres refuses is a dead letter at once',
    scenario: 'trigger-fails',
    violates: ['stored-equals-log'],
  },
  ...LOSS_BUGS,
  ...SINGLE_BUGS,
  'client-asks-from-before': {
    what: 'SDK: asks from one message before its position',
    scenario: 'come-back',
    violates: ['no-repeat'],
  },
  'client-forgets-position': {
    what: 'SDK: subscribes anew without its position',
    scenario: 'come-back',
    violates: ['no-gap', 'accepted-is-read'],
  },
  'outbox-reorders': {
    what: 'SDK: newer messages go out before waiting ones',
    scenario: 'publisher-comes-back',
    violates: ['publisher-fifo'],
  },
  'outbox-new-stamp-on-repeat': {
    what: 'SDK: a repeat gets a new producer sequence',
    scenario: 'publisher-comes-back',
    violates: ['no-repeat'],
  },
};
