import type { ChannelKey, HistoryEntry, HistoryPage, HotHistory } from '../ports.ts';
import type { ChannelState } from './channel-state.ts';
import { findEnded } from './ended-states.ts';
import { written } from './journal/written.ts';
import type { MemoryState } from './memory-state.ts';

export class MemoryHistory implements HotHistory {
  readonly #state: MemoryState;

  constructor(state: MemoryState) {
    this.#state = state;
  }

  async range(
    key: ChannelKey,
    { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<HistoryPage> {
    return await this.#page(key, ({ history }) => history.range(from, to, limit, Date.now()));
  }

  async ended(
    key: ChannelKey,
    { epoch, from, to, limit, descending = false }: Parameters<HotHistory['ended']>[1],
  ): Promise<readonly HistoryEntry[]> {
    const channel = this.#state.find(key);
    const history = channel && findEnded(channel, epoch)?.history;
    const nowMs = Date.now();
    if (history === undefined || to < from) return [];
    return descending
      ? history.latest(to + 1, limit, nowMs).filter(({ seq }) => seq >= from)
      : history.range(from, to, limit, nowMs);
  }

  async latest(
    key: ChannelKey,
    { before, limit }: { readonly before?: number; readonly limit: number },
  ): Promise<HistoryPage> {
    return await this.#page(key, ({ history, seq }) => history.latest(before ?? seq + 1, limit, Date.now()));
  }

  async #page(
    key: ChannelKey,
    read: (channel: ChannelState) => readonly HistoryEntry[],
  ): Promise<HistoryPage> {
    const channel = this.#state.find(key);
    const page =
      channel === undefined
        ? { top: undefined, entries: [] }
        : { top: this.#state.lineageOf(channel), entries: read(channel) };
    await written(this.#state.journal);
    return page;
  }
}
