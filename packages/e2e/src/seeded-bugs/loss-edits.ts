import type { Edit } from './edit.ts';

const BROKER = 'packages/broker/src/redis';
const SCRIPTS = `${BROKER}/scripts`;
const PERSISTENCE = 'apps/persistence/src';
const ENDED_EPOCHS = 'apps/gateway/src/channels/ended-epochs.ts';

/** Changes of what is done when Redis comes back as another process (docs/architecture/redis-loss.md). */
export const LOSS_EDITS = {
  'generation-not-raised': {
    file: `${SCRIPTS}/claim.lua`,
    find: 'local raised = state[1] ~= run or not generation or went_back',
    replace: 'local raised = not generation or went_back',
  },
  'generation-not-compared': {
    file: `${SCRIPTS}/publish.lua`,
    find: "if meta[1] ~= ARGV[1] then return 'generation' end",
    replace: 'meta[1] = meta[1] or ARGV[1]',
  },
  'flush-unnoticed': {
    file: `${BROKER}/generation-guard.ts`,
    find: 'if (known.generation !== generation) this.verifyAgain();',
    replace: "if (known.generation === '') this.verifyAgain();",
  },
  'predecessor-forgotten': {
    file: `${SCRIPTS}/include/generation.lua`,
    find: 'ended[#ended + 1] = { epoch = old_epoch,',
    replace: 'ended = {}; local _ = { epoch = old_epoch,',
  },
  'loss-not-noted': {
    file: `${SCRIPTS}/claim.lua`,
    find: "redis.call('HSET', meta, 'ls', lossy)",
    replace: "lossy = state[6] or ''",
  },
  'settled-as-complete': {
    file: `${SCRIPTS}/settle.lua`,
    find: "if ARGV[2] == '1' then",
    replace: "if ARGV[2] == 'never' then",
  },
  'settled-unread': {
    file: `${PERSISTENCE}/reconciler.ts`,
    find: 'of await Promise.all(some.map((of) => this.#extendAll(partition, of)))',
    replace: 'of some.map(() => 0)',
  },
  'no-looks-again': {
    file: `${PERSISTENCE}/reconciler.ts`,
    find: 'this.#looks.filter(({ atMs }) => atMs <= nowMs)',
    replace: 'this.#looks.filter(({ atMs }) => atMs < Math.min(nowMs, 0))',
  },
  'looks-each-second': {
    file: `${PERSISTENCE}/reconciler.ts`,
    find: 'const LOOKS_AGAIN_AFTER_MS = [1000, 3000, 10_000, 30_000, 120_000, 600_000];',
    replace: 'const LOOKS_AGAIN_AFTER_MS = Array.from({ length: 120 }, (_, i) => (i + 1) * 1000);',
  },
  'sealed-end-moved': {
    file: `${SCRIPTS}/extend.lua`,
    find: 'if is_final(one, settled) or last <= one.last then',
    replace: 'if is_settled or last <= one.last then',
  },
  'stored-ids-forgotten': {
    file: `${SCRIPTS}/extend.lua`,
    find: '\nremember_ids()',
    replace: '\n',
  },
  'moved-is-new': {
    file: `${PERSISTENCE}/message-writer.ts`,
    find: 'const again = batch.filter(({ entry }) => entry.former !== undefined);',
    replace: 'const again = batch.slice(0, 0);',
  },
  'held-forgotten': {
    file: `${BROKER}/republisher.ts`,
    find: 'const lost = await this.#lostAmong(partition, held).catch(() => held);',
    replace: 'const lost = held.slice(0, 0);',
  },
  'republished-unsettled': {
    file: `${BROKER}/republisher.ts`,
    find: 'if (!(await guard.untilSettled(partition, generation))) return;',
    replace: '',
  },
  'republished-ids-forgotten': {
    file: `${SCRIPTS}/publish.lua`,
    find: 'remember_id(name, id, epoch, seq, ttl)',
    replace: 'do return end',
  },
  'taken-unsettled': {
    file: `${BROKER}/generation-guard.ts`,
    find: 'return this.#known[partition]!.takesDurable(performance.now());',
    replace: 'return this.#known.length > partition;',
  },
  'unsettled-ids-forgotten': {
    file: `${SCRIPTS}/publish.lua`,
    find: 'if durable and not is_settled then remember_id(name, id, channel.epoch, seq, producer_ttl) end',
    replace: '',
  },
  'unsettled-end-believed': {
    file: ENDED_EPOCHS,
    find: 'return before.every((ended) => ended.isFinal);',
    replace: 'return before.length >= 0;',
  },
  'short-settle-patience': {
    file: ENDED_EPOCHS,
    find: 'const SETTLE_PATIENCE_MS = 10_000;',
    replace: 'const SETTLE_PATIENCE_MS = 1000;',
  },
  'rest-of-epoch-skipped': {
    file: ENDED_EPOCHS,
    find: 'if (at.seq < end.lastSeq) {',
    replace: 'if (at.seq < Math.min(end.lastSeq, 0)) {',
  },
  'epochs-between-skipped': {
    file: ENDED_EPOCHS,
    find: 'const to = { epoch: epochAfter(lineage, at.epoch)!, seq: 0 };',
    replace: 'const to = { epoch: lineage.epoch, seq: 0 };',
  },
  'stored-cursor-not-asked': {
    file: `${BROKER}/redis-acks.ts`,
    find: 'const stored = await askStoredCursor(this.#deps.cold, gateway, { channel, consumer });',
    replace: 'const stored = [gateway].map(() => undefined)[0];',
  },
} as const satisfies Readonly<Record<string, Edit>>;
