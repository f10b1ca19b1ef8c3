import type { Arrival, ShownMessage } from '../chat/pane-state.ts';

/** One place of a channel in one pane. `awaited`: others have it, this pane doesn't yet. `before`: older than what the pane knows. */
export type Cell = Arrival | 'awaited' | 'before';

export interface RollRow {
  readonly user: string;
  readonly cells: readonly Cell[];
  /** Messages that another pane has and this one doesn't. */
  readonly behind: number;
}

export interface Roll {
  /** seq of the first column. */
  readonly firstSeq: number;
  /** seq of the newest message that any pane has; 0: none. */
  readonly topSeq: number;
  readonly rows: readonly RollRow[];
}

/** Lines up what each pane has of the newest `width` places of the channel. */
export function rollOf(
  panes: readonly { readonly user: string; readonly messages: readonly ShownMessage[] }[],
  width: number,
): Roll {
  const newest = panes.flatMap(({ messages }) => messages.slice(-1));
  // Epochs sort by age.
  const epoch = newest
    .map((message) => message.epoch)
    .sort()
    .at(-1);
  const topSeq = Math.max(0, ...newest.filter((message) => message.epoch === epoch).map(({ seq }) => seq));
  const firstSeq = Math.max(1, topSeq - width + 1);
  const rows = panes.map(({ user, messages }) => {
    const arrivals = new Map(
      messages.filter((m) => m.epoch === epoch).map(({ seq, arrival }) => [seq, arrival]),
    );
    const newestSeq = Math.max(0, ...arrivals.keys());
    const cells = Array.from({ length: topSeq === 0 ? 0 : topSeq - firstSeq + 1 }, (_, i): Cell => {
      const seq = firstSeq + i;
      return arrivals.get(seq) ?? (seq > newestSeq ? 'awaited' : 'before');
    });
    return { user, cells, behind: topSeq - newestSeq };
  });
  return { firstSeq, topSeq, rows };
}
