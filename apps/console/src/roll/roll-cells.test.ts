import { describe, expect, it } from 'vitest';
import type { Arrival, ShownMessage } from '../chat/pane-state.ts';
import { rollOf } from './roll-cells.ts';

const shown = (seq: number, arrival: Arrival = 'live', epoch = 'e1'): ShownMessage => ({
  key: `${epoch}:${seq}`,
  epoch,
  seq,
  user: 'ada',
  text: '',
  own: false,
  arrival,
  latencyMs: undefined,
});

describe('the roll', () => {
  it('lines the panes up by seq and shows who is behind', () => {
    const { firstSeq, topSeq, rows } = rollOf(
      [
        { user: 'ada', messages: [2, 3, 4, 5].map((seq) => shown(seq)) },
        { user: 'grace', messages: [shown(2, 'history'), shown(3, 'recovered')] },
      ],
      10,
    );
    expect([firstSeq, topSeq]).toEqual([1, 5]);
    expect(rows[0]).toEqual({ user: 'ada', behind: 0, cells: ['before', 'live', 'live', 'live', 'live'] });
    expect(rows[1]?.cells).toEqual(['before', 'history', 'recovered', 'awaited', 'awaited']);
    expect(rows[1]?.behind).toBe(2);
  });

  it('is empty without messages', () => {
    expect(rollOf([{ user: 'ada', messages: [] }], 10)).toMatchObject({
      topSeq: 0,
      rows: [{ cells: [], behind: 0 }],
    });
  });

  it('shows the newest epoch only', () => {
    const messages = [shown(8), shown(1, 'live', 'e2')];
    expect(rollOf([{ user: 'ada', messages }], 10)).toMatchObject({ topSeq: 1, rows: [{ cells: ['live'] }] });
  });
});
