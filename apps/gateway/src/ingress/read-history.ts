import type { Broker, ChannelKey, ColdQuery, HistoryEntry } from '@carillon/broker';
import type { NamespaceResolver } from '@carillon/config';
import { CarillonError, type Position } from '@carillon/protocol';
import { channelKey } from '../channels/channel-name.ts';
import { mayRead, type Reader } from '../session/readable.ts';
import { missingCapability } from './missing-capability.ts';

const COLD_TIMEOUT_MS = 5000;
const DEFAULT_HISTORY_LIMIT = 100;
/**
 * An answer ends when it has this much, whatever the limit: half of the default send queue, so that no client is taken for a slow one
 * because of what it asked for.
 */
const MAX_ANSWER_BYTES = 500_000;
/** What a message has around its record: type, channel, position. */
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
}

/** History of a channel: the hot part from the broker, what is older (or of older epochs) from Postgres. */
export class ReadHistory {
  readonly #broker: Broker;
  readonly #gateway: string;
  readonly #namespaces: NamespaceResolver;

  constructor(broker: Broker, gateway: string, namespaces: NamespaceResolver) {
    this.#broker = broker;
    this.#gateway = gateway;
    this.#namespaces = namespaces;
  }

  /** @throws CarillonError PERMISSION_DENIED, HISTORY_DISABLED, HISTORY_UNAVAILABLE, UNAVAILABLE */
  async read(reader: Reader, query: HistoryQuery): Promise<HistoryAnswer> {
    const { channel, after, limit = DEFAULT_HISTORY_LIMIT } = query;
    if (!mayRead(reader, 'history', channel))
      throw missingCapability(reader.identity, `reading the history of ${channel}`, 'history', { channel });
    const policy = this.#namespaces.resolve(channel);
    if (policy.history === undefined && !policy.durable)
      throw new CarillonError('HISTORY_DISABLED', `The namespace of ${channel} keeps no history.`);
    const key = channelKey(reader.identity.app, channel);
    // One more than asked for: its presence says that there is more.
    const entries =
      after === undefined
        ? await this.#backward(key, query.before, limit + 1, policy.durable)
        : await this.#forward(key, after, limit + 1, policy.durable);
    return bounded(entries, limit);
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
    const hot = await this.#broker.history.range(key, {
      from: after.seq + 1,
      to: Number.MAX_SAFE_INTEGER,
      limit,
    });
    if (
      hot.top?.epoch === after.epoch &&
      (hot.entries[0]?.seq === after.seq + 1 || hot.top.seq <= after.seq || !durable)
    )
      return hot.entries;
    if (!durable)
      return hot.top === undefined || hot.top.epoch < after.epoch
        ? []
        : (await this.#broker.history.range(key, { from: 1, to: Number.MAX_SAFE_INTEGER, limit })).entries;
    const cold = await this.#ask({ kind: 'after', channel: key, position: after, limit });
    if (cold.length > 0 || hot.top === undefined || hot.top.epoch <= after.epoch) return cold;
    // A newer epoch whose first messages are not stored yet.
    return (await this.#broker.history.range(key, { from: 1, to: Number.MAX_SAFE_INTEGER, limit })).entries;
  }

  async #backward(
    key: ChannelKey,
    before: Position | undefined,
    wanted: number,
    durable: boolean,
  ): Promise<readonly HistoryEntry[]> {
    const hot = await this.#hotBefore(key, before, wanted);
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

  async #hotBefore(
    key: ChannelKey,
    before: Position | undefined,
    limit: number,
  ): Promise<readonly HistoryEntry[]> {
    if (before === undefined) return (await this.#broker.history.latest(key, { limit })).entries;
    const { top, entries } = await this.#broker.history.latest(key, { before: before.seq, limit });
    if (top?.epoch === before.epoch) return entries;
    // A position of an older epoch is before everything hot, one of a newer epoch after it.
    return top !== undefined && top.epoch < before.epoch
      ? (await this.#broker.history.latest(key, { limit })).entries
      : [];
  }

  #ask(query: ColdQuery): Promise<readonly HistoryEntry[]> {
    return this.#broker.cold.ask(this.#gateway, query, COLD_TIMEOUT_MS);
  }
}

function bounded(entries: readonly HistoryEntry[], limit: number): HistoryAnswer {
  let bytes = 0;
  let end = 0;
  while (end < entries.length && end < limit) {
    bytes += Buffer.byteLength(entries[end]!.record) + ENVELOPE_BYTES;
    if (end > 0 && bytes > MAX_ANSWER_BYTES) break;
    end++;
  }
  return { entries: entries.slice(0, end), more: entries.length > end };
}
