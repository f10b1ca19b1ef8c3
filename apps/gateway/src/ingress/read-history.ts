import {
  type Broker,
  type ChannelKey,
  type ColdQuery,
  type EndedEpoch,
  endOf,
  epochAfter,
  type HistoryEntry,
  type Lineage,
} from '@carillon/broker';
import type { NamespaceResolver } from '@carillon/config';
import { CarillonError, type HistoryReason, type Position } from '@carillon/protocol';
import { within } from '@carillon/service';
import { channelKey } from '../channels/channel-name.ts';
import { type EndedEpochs, isFinal } from '../channels/ended-epochs.ts';
import { mayRead, type Reader } from '../session/read-permission.ts';
import { judgePosition } from './judge-position.ts';
import { permissionError } from './permission-error.ts';

const COLD_TIMEOUT_MS = 5000;
const DEFAULT_HISTORY_LIMIT = 100;
/**
 * An answer ends when it has this much, whatever the limit: half of the default send queue, so that no client is taken for a slow one
 * because of what it asked for.
 */
const MAX_ANSWER_BYTES = 500_000;
/** Estimated bytes of a message around its record: type, channel, position. */
const ENVELOPE_BYTES = 150;

export interface HistoryQuery {
  readonly channel: string;
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  readonly limit?: number | undefined;
}

export interface HistoryAnswer {
  readonly entries: readonly HistoryEntry[];
  readonly more: boolean;
  /** Why the position that was given is none of the channel. */
  readonly reason: HistoryReason | undefined;
}

export interface ReadHistoryDependencies {
  readonly broker: Broker;
  readonly gateway: string;
  readonly namespaces: NamespaceResolver;
  readonly endedEpochs: Pick<EndedEpochs, 'settled'>;
}

/** History of a channel: the hot part from the broker, what is older (or of older epochs) from Postgres. */
export class ReadHistory {
  readonly #broker: Broker;
  readonly #deps: ReadHistoryDependencies;

  constructor(deps: ReadHistoryDependencies) {
    this.#broker = deps.broker;
    this.#deps = deps;
  }

  /** @throws CarillonError PERMISSION_DENIED, HISTORY_DISABLED, HISTORY_UNAVAILABLE, UNAVAILABLE */
  async read(reader: Reader, query: HistoryQuery): Promise<HistoryAnswer> {
    const { channel, after, limit = DEFAULT_HISTORY_LIMIT } = query;
    if (!mayRead(reader, 'history', channel))
      throw permissionError(reader.identity, `reading the history of ${channel}`, 'history', { channel });
    const policy = this.#deps.namespaces.resolve(channel);
    if (policy.history === undefined && !policy.durable)
      throw new CarillonError('HISTORY_DISABLED', `The namespace of ${channel} keeps no history.`);
    const key = channelKey(reader.identity.app, channel);
    // One more than asked for: its presence says that there is more.
    const entries =
      after === undefined
        ? await this.#backward(key, query.before, limit + 1, policy.durable)
        : await this.#forward(key, after, limit + 1, policy.durable);
    return { ...bounded(entries, limit), reason: await this.#judge(key, query, entries, policy.durable) };
  }

  async #judge(
    channel: ChannelKey,
    { after, before }: HistoryQuery,
    entries: readonly HistoryEntry[],
    durable: boolean,
  ): Promise<HistoryReason | undefined> {
    const position = after ?? before;
    if (position === undefined) return undefined;
    const side = after === undefined ? 'before' : 'after';
    const cold = (epoch: string, seq: number): Promise<readonly HistoryEntry[]> =>
      this.#ask({ kind: 'range', channel, epoch, from: seq, to: seq, limit: 1 });
    const question = { channel, position, side, entries, cold: durable ? cold : undefined } as const;
    return await judgePosition(this.#broker, question);
  }

  async #forward(
    key: ChannelKey,
    after: Position,
    wanted: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    let at = after;
    while (entries.length < wanted) {
      const page = await this.#forwardPage(key, at, wanted - entries.length, durable);
      if (page.length === 0) break;
      entries.push(...page);
      at = page.at(-1)!;
    }
    return entries;
  }

  async #forwardPage(
    key: ChannelKey,
    after: Position,
    limit: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const all = { from: 1, to: Number.MAX_SAFE_INTEGER, limit };
    const hot = await this.#broker.history.range(key, { ...all, from: after.seq + 1 });
    const { top } = hot;
    if (top === undefined) return durable ? await this.#after(key, after, limit) : [];
    if (top.epoch === after.epoch) {
      const isWhole = hot.entries[0]?.seq === after.seq + 1 || top.seq <= after.seq || !durable;
      return isWhole ? hot.entries : await this.#after(key, after, limit);
    }
    const ended = endOf(top, after.epoch);
    if (ended !== undefined) {
      if (await this.#untilFinal(key, top, durable))
        return await this.#forwardPage(key, after, limit, durable);
      return await this.#forwardFromEnded(key, after, ended, top, limit, durable);
    }
    const cold = durable ? await this.#after(key, after, limit) : [];
    // A newer epoch whose first messages are not stored yet.
    if (cold.length > 0 || (top.before.length === 0 && top.epoch <= after.epoch)) return cold;
    return (await this.#broker.history.range(key, all)).entries;
  }

  /** The rest of an epoch that has ended, else the first messages of the next that has any. */
  async #forwardFromEnded(
    key: ChannelKey,
    after: Position,
    ended: EndedEpoch,
    top: Lineage,
    limit: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const { epoch, lastSeq } = ended;
    const from = after.seq + 1;
    if (from <= lastSeq) {
      const hot = await this.#broker.history.ended(key, { epoch, from, to: lastSeq, limit });
      if (hot[0]?.seq === from || (!durable && hot.length > 0)) return hot;
      const cold = durable
        ? await this.#ask({ kind: 'range', channel: key, epoch, from, to: lastSeq, limit })
        : [];
      if (cold.length > 0) return cold;
    }
    return await this.#forwardPage(key, { epoch: epochAfter(top, epoch)!, seq: 0 }, limit, durable);
  }

  /**
   * Behind an end that isn't final the database may have more.
   * @returns whether that had to be waited for, so that the ends have to be read again
   * @throws CarillonError HISTORY_UNAVAILABLE when it takes too long
   */
  async #untilFinal(key: ChannelKey, top: Lineage, durable: boolean): Promise<boolean> {
    if (isFinal(top, { durable })) return false;
    const deadlineMs = performance.now() + COLD_TIMEOUT_MS;
    const settled = this.#deps.endedEpochs.settled(
      { key, policy: { durable } },
      top,
      () => performance.now() < deadlineMs,
    );
    if ((await within(settled, COLD_TIMEOUT_MS, undefined)) !== undefined) return true;
    throw new CarillonError(
      'HISTORY_UNAVAILABLE',
      'What was stored of an earlier epoch is being compared with the database.',
      { retryAfterMs: 1000 },
    );
  }

  #after(key: ChannelKey, position: Position, limit: number): Promise<readonly HistoryEntry[]> {
    return this.#ask({ kind: 'after', channel: key, position, limit });
  }

  async #backward(
    key: ChannelKey,
    before: Position | undefined,
    wanted: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const hot = await this.#hotBefore(key, before, wanted, durable);
    if (hot.length >= wanted || !durable) return hot;
    const entries = [...hot];
    let at: Position | undefined = entries.at(-1) ?? before;
    while (entries.length < wanted) {
      const page = await this.#ask({
        kind: 'before',
        channel: key,
        position: at,
        limit: wanted - entries.length,
      });
      if (page.length === 0) break;
      entries.push(...page);
      at = page.at(-1)!;
    }
    return entries;
  }

  /** Without a hole: where one is, the database goes on. */
  async #hotBefore(
    key: ChannelKey,
    before: Position | undefined,
    limit: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const { history } = this.#broker;
    const newest = before === undefined ? { limit } : { before: before.seq, limit };
    const { top, entries } = await history.latest(key, newest);
    if (top === undefined) return [];
    const isWhole = entries.length >= limit && (before === undefined || before.epoch === top.epoch);
    if (!isWhole && (await this.#untilFinal(key, top, durable)))
      return await this.#hotBefore(key, before, limit, durable);
    const isPresent = before === undefined || before.epoch === top.epoch;
    if (isPresent) {
      const lowest = entries.at(-1)?.seq ?? before?.seq ?? top.seq + 1;
      return lowest > 1
        ? entries
        : [...entries, ...(await this.#endedBefore(key, top, limit - entries.length))];
    }
    const ended = endOf(top, before.epoch);
    if (ended !== undefined) return await this.#endedBefore(key, top, limit, before);
    // A position of an unknown older epoch is before everything hot, one of a newer epoch after it.
    return top.epoch < before.epoch ? (await history.latest(key, { limit })).entries : [];
  }

  /** Of the epochs before the present one, newest first. */
  async #endedBefore(
    key: ChannelKey,
    { before: epochs }: Lineage,
    limit: number,
    before?: Position,
  ): Promise<readonly HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    const begin =
      before === undefined ? epochs.length - 1 : epochs.findLastIndex((one) => one.epoch === before.epoch);
    for (let at = begin; at >= 0 && entries.length < limit; at--) {
      const { epoch, lastSeq } = epochs[at]!;
      const to = at === begin && before !== undefined ? Math.min(before.seq - 1, lastSeq) : lastSeq;
      const wanted = Math.min(to, limit - entries.length);
      const query = { epoch, from: 1, to, limit: wanted, descending: true };
      const found = wanted > 0 ? await this.#broker.history.ended(key, query) : [];
      const end = found.findIndex(({ seq }, i) => seq !== to - i);
      entries.push(...(end < 0 ? found : found.slice(0, end)));
      if (end >= 0 || found.length < wanted) break;
    }
    return entries;
  }

  #ask(query: ColdQuery): Promise<readonly HistoryEntry[]> {
    return this.#broker.cold.ask(this.#deps.gateway, query, COLD_TIMEOUT_MS);
  }
}

function bounded(entries: readonly HistoryEntry[], limit: number): Omit<HistoryAnswer, 'reason'> {
  let bytes = 0;
  let end = 0;
  while (end < entries.length && end < limit) {
    bytes += Buffer.byteLength(entries[end]!.record) + ENVELOPE_BYTES;
    if (end > 0 && bytes > MAX_ANSWER_BYTES) break;
    end++;
  }
  return { entries: entries.slice(0, end), more: entries.length > end };
}
