import { describe, expect, it } from 'vitest';
import { INITIAL, MAX_ITEMS, type PaneEvent, reduce } from './pane-state.ts';

const message = (seq: number): PaneEvent => ({ type: 'message', epoch: 'e', seq, timestamp: 100, payload: { from: 'ada', text: `#${seq}` }, at: 103 });
const run = (...events: PaneEvent[]) => events.reduce(reduce, INITIAL);

describe('pane state', () => {
  it('marks exactly the missed messages after a recovery as recovered', () => {
    const state = run(
      { type: 'state', state: 'connected', at: 0 },
      message(1),
      { type: 'state', state: 'waiting', at: 1000 },
      { type: 'state', state: 'connected', at: 3500 },
      { type: 'recovered', at: 3500, event: { channel: 'c', recovered: true, reason: undefined, missed: 2, position: { epoch: 'e', seq: 1 } } },
      message(2),
      message(3),
      message(4),
    );
    expect(state.items.flatMap((item) => (item.kind === 'message' ? [item.recovered] : []))).toEqual([false, true, true, false]);
    expect(state.items.find((item) => item.kind === 'recovery')).toMatchObject({ missed: 2, awayMs: 2500, recovered: true });
    expect(state).toMatchObject({ seq: 4, received: 4, recovered: 2, gaps: 0, owed: 0 });
  });

  it('shows latency as receipt minus publish and never below zero', () => {
    const [item] = run(message(1)).items;
    expect(item).toMatchObject({ latencyMs: 3 });
    const [skewed] = run({ ...message(1), at: 50 } as PaneEvent).items;
    expect(skewed).toMatchObject({ latencyMs: 0 });
  });

  it('keeps a bounded number of items', () => {
    const state = run(...Array.from({ length: MAX_ITEMS + 50 }, (_, i) => message(i + 1)));
    expect(state.items).toHaveLength(MAX_ITEMS);
    expect(state.items.at(-1)).toMatchObject({ seq: MAX_ITEMS + 50 });
    expect(state.received).toBe(MAX_ITEMS + 50);
  });

  it('forgets an error when the connection is back', () => {
    const broken = run({ type: 'error', message: 'gateway away' });
    expect(broken.error).toBe('gateway away');
    expect(reduce(broken, { type: 'state', state: 'connected', at: 1 }).error).toBeUndefined();
  });
});
