import type { Edit } from './edit.ts';
import { LOSS_EDITS } from './loss-edits.ts';
import { SINGLE_EDITS } from './single-edits.ts';

const BROKER = 'packages/broker/src/redis';
const SCRIPTS = `${BROKER}/scripts`;
const CHANNELS = 'apps/gateway/src/channels';
const CLIENT = 'packages/client/src';
const PERSISTENCE = 'apps/persistence/src';

/** Every change that a test may make, by name. */
export const EDITS = {
  // ---- publish ----------------------------------------------------------------------------------------------------
  'producer-dedupe-off': {
    file: `${SCRIPTS}/publish.lua`,
    find: "if kind == 'p' then",
    replace: "if kind == 'never' then",
  },
  'producer-order-off': {
    file: `${SCRIPTS}/publish.lua`,
    find: 'and tonumber(ARGV[at + 8]) ~= producer.last then',
    replace: 'and false then',
  },
  'refused-not-noted': {
    file: `${BROKER}/refused-producers.ts`,
    find: "if (dedupe?.kind !== 'producer') return false;",
    replace: 'if (dedupe !== null) return false;',
  },
  'repeat-answered-wrong': {
    file: `${SCRIPTS}/publish.lua`,
    find: 'reply(1, epoch, seq, id)\n  return epoch, seq, id',
    replace: 'reply(1, epoch, seq + 1, id)\n  return epoch, seq, id',
  },
  'outcome-guessed': {
    file: `${BROKER}/redis-publisher.ts`,
    find: 'refusals.unknown(error);\n      settle(publications.map(() => refusal));',
    replace:
      "refusals.unknown(error);\n      settle(publications.map(() => ({ status: 'accepted', epoch: '0', seq: Math.ceil(Math.random() * 1e9), id: '', duplicate: refusal === undefined })));",
  },
  'seq-once-per-batch': {
    file: `${SCRIPTS}/publish.lua`,
    find: 'channel.seq = channel.seq + 1',
    replace: "channel.seq = tonumber(redis.call('HGET', channel.key, 's')) + 1",
  },
  'log-append-forgotten': {
    file: `${SCRIPTS}/publish.lua`,
    find: "if stored_to == '' then redis.call('XADD', base .. 'log', '*', 'm', message)",
    replace:
      "if seq % 20 == 0 then log_length = log_length - 1 elseif stored_to == '' then redis.call('XADD', base .. 'log', '*', 'm', message)",
  },
  'epoch-not-bumped': {
    file: `${SCRIPTS}/include/channel.lua`,
    find: 'return time .. string.sub(made, -4)',
    replace: "return 'm0000000abcd'",
  },
  'refused-is-appended': {
    file: 'apps/gateway/src/ingress/publish-message.ts',
    find: 'if (refusal === undefined) this.#send(identity, transport, message, settle);',
    replace:
      'if (refusal === undefined) this.#send(identity, transport, message, settle); else this.#send(identity, transport, message, () => undefined); if (refusal === undefined) return;',
  },
  'wrong-app-prefix': {
    file: `${CHANNELS}/channel-name.ts`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: 'return `${app}/${channel}`;',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    replace: 'return `${app.slice(0, 0)}all/${channel}`;',
  },
  // ---- gateway ----------------------------------------------------------------------------------------------------
  'gateway-dedupe-off': {
    file: `${CHANNELS}/channel.ts`,
    find: 'seq <= at.seq) this.#deps.meter.duplicates.add();',
    replace: 'seq <= at.seq) { this.#deliver(seq, record); this.#position = at; }',
  },
  'gap-repair-off': {
    file: `${CHANNELS}/channel.ts`,
    find: 'else this.#hold({ epoch, seq, record });',
    replace:
      'else if (at !== undefined && this.#healing === undefined && epoch === at.epoch) this.#deliver(seq, record); else this.#hold({ epoch, seq, record });',
  },
  'missed-pushes-not-read': {
    file: `${BROKER}/redis-feed.ts`,
    find: 'this.#handler!.onInterestLost(this.#allPartitions());',
    replace: ';',
  },
  'position-heartbeat-off': {
    file: `${CHANNELS}/position-watch.ts`,
    find: 'if (silent.length === 0) return;',
    replace: 'if (silent.length >= 0) return;',
  },
  'resume-skips-one': {
    file: `${CHANNELS}/first-pages.ts`,
    find: 'from.seq + 1, seq)',
    replace: 'Math.min(from.seq + 2, seq), seq)',
  },
  'resume-repeats-one': {
    file: `${CHANNELS}/first-pages.ts`,
    find: 'from.seq + 1, seq)',
    replace: 'Math.max(from.seq, 1), seq)',
  },
  'newer-position-not-believed': {
    file: `${CHANNELS}/first-pages.ts`,
    find: 'this.#deps.channels.catchUp(channel).then(() => true);',
    replace: 'Promise.resolve(channel.name.length > 0);',
  },
  'resume-gives-up-at-once': {
    file: `${CHANNELS}/read-missing.ts`,
    find: 'return UNAVAILABLE; // the reason tells',
    replace: "return { reason: 'history-trimmed' }; // the reason tells",
  },
  'live-before-history': {
    file: `${CHANNELS}/subscriptions.ts`,
    find: 'come first.\n    subscriber.catchingUp = true;',
    replace: 'come first.\n    subscriber.catchingUp = false;',
  },
  'late-for-live': {
    file: `${CHANNELS}/recovery.ts`,
    find: 'subscriber.catchingUp = false;',
    replace: 'setTimeout(() => { subscriber.catchingUp = false; }, 100);',
  },
  'interest-removed-too-early': {
    file: `${CHANNELS}/channels.ts`,
    find: 'if (channel.subscribers.size === 0) channel.emptySinceMs',
    replace: 'channel.emptySinceMs',
  },
  'short-linger': {
    file: `${CHANNELS}/channels.ts`,
    find: 'const LINGER_MS = 5000;',
    replace: 'const LINGER_MS = 100;',
  },
  'feed-trimmed-too-far': {
    file: `${SCRIPTS}/heartbeat.lua`,
    find: "redis.call('XTRIM', base .. 'g:' .. gateway, 'MINID', ARGV[2])",
    replace: "redis.call('XTRIM', base .. 'g:' .. gateway, 'MAXLEN', 1)",
  },
  'acks-kept-to-oneself': {
    file: `${CHANNELS}/ack-tracker.ts`,
    find: 'if (!channel.isBefore(consumer.acked, reached)) return;',
    replace: 'if (consumer.name.length > 0) return;',
  },
  // ---- router -----------------------------------------------------------------------------------------------------
  'cursor-before-effects': {
    file: 'apps/router/src/routing/route-batch.ts',
    find: 'if (byGateway.size > 0) await port.forward(lease.partition, byGateway);\n    const committed = await port.commit(lease, entries.at(-1)!.entryId);',
    replace:
      'const committed = await port.commit(lease, entries.at(-1)!.entryId);\n    await new Promise((resolve) => setTimeout(resolve, 200));\n    if (byGateway.size > 0) await port.forward(lease.partition, byGateway);',
  },
  'narrow-without-cursor': {
    file: `${SCRIPTS}/narrow.lua`,
    find: 'elseif not is_after(last_routed, cursor) and ',
    replace: 'elseif ',
  },
  'interest-change-unheard': {
    file: 'apps/router/src/routing/learn-interest.ts',
    find: "if (kind === 'interest') cache.forget(channel);",
    replace: "if (kind === 'interest' && cache.size > 1e9) cache.forget(channel);",
  },
  // ---- persistence ------------------------------------------------------------------------------------------------
  'claim-off': {
    file: `${PERSISTENCE}/log-consumer.ts`,
    find: 'if (claimed.length === 0) return;',
    replace: 'if (claimed.length >= 0) return;',
  },
  'ack-before-commit': {
    file: `${PERSISTENCE}/log-consumer.ts`,
    find: 'const done = await this.#storeUntilDone(entries, signal);',
    replace:
      'await this.#deps.log.commit(entries); const done = await this.#storeUntilDone(entries, signal);',
  },
  'outage-taken-for-done': {
    file: `${PERSISTENCE}/log-consumer.ts`,
    find: 'if (signal.aborted) return [];',
    replace: 'return entries;',
  },
  'insert-without-channel': {
    file: `${PERSISTENCE}/message-writer.ts`,
    find: 'if (!isIdle(this.#webhooks.endpoints, read.message.channel)) readable.push(read);',
    replace:
      'if (!readable.some(({ entry }) => entry.epoch === read.entry.epoch && entry.seq === read.entry.seq)) readable.push(read);',
  },
  'refused-given-up': {
    file: `${PERSISTENCE}/refused-messages.ts`,
    find: '{ messageMs: 30_000, faultMs: 600_000 }',
    replace: '{ messageMs: 30_000, faultMs: 0 }',
  },
  'log-trimmed-too-far': {
    file: `${SCRIPTS}/log-commit.lua`,
    find: 'if pending[1] > 0 then',
    replace: 'if pending[1] > 1000000 then',
  },
  // ---- losses -----------------------------------------------------------------------------------------------------
  ...LOSS_EDITS,
  // ---- single process ---------------------------------------------------------------------------------------------
  ...SINGLE_EDITS,
  // ---- client -----------------------------------------------------------------------------------------------------
  'client-asks-from-before': {
    file: `${CLIENT}/channel.ts`,
    find: '> maxAgeMs ? undefined : this.position;',
    replace:
      '> maxAgeMs ? undefined : this.position && { ...this.position, seq: Math.max(0, this.position.seq - 1) };',
  },
  'client-forgets-position': {
    file: `${CLIENT}/channel.ts`,
    find: '> maxAgeMs ? undefined : this.position;',
    replace: '> maxAgeMs || (this.position?.seq ?? 0) > 0 ? undefined : this.position;',
  },
  'outbox-reorders': {
    file: `${CLIENT}/channel-outbox.ts`,
    find: 'this.#entries.push(entry);',
    replace:
      'this.#entries.splice(this.#sent, 0, entry); const waiting = this.#entries.slice(this.#sent); const seqs = waiting.map(({ seq }) => seq).sort((a, b) => a - b); for (const [i, one] of waiting.entries()) one.seq = seqs[i]!;',
  },
  'outbox-new-stamp-on-repeat': {
    file: `${CLIENT}/channel-outbox.ts`,
    find: 'for (const entry of this.#entries.slice(0, this.#sent)) forgetAnswer(entry);',
    replace: 'for (const entry of this.#entries.slice(0, this.#sent)) forgetAnswer(entry); this.#rotate();',
  },
} as const satisfies Readonly<Record<string, Edit>>;

export type EditName = keyof typeof EDITS;

/** @throws Error for a name that there is not. */
export function editsNamed(names: string): readonly Edit[] {
  return names
    .split(',')
    .filter(Boolean)
    .map((name) => {
      if (!Object.hasOwn(EDITS, name)) throw new Error(`there is no edit ${name}`);
      return EDITS[name as EditName];
    });
}

/** @throws Error when the snippet isn't there exactly once: the source has changed, and the edit has to follow. */
export function applyEdit(source: string, { file, find, replace }: Edit): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${find}`);
  return parts.join(replace);
}
