import type { ChannelKey, HistoryEntry, HistoryPage, HotHistory } from '../ports.ts';
import type { ChannelState } from './channel-state.ts';
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

  /** The memory of a process is there or gone: no epoch of it ends otherwise. */
  async ended(): Promise<readonly HistoryEntry[]> {
    return [];
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
