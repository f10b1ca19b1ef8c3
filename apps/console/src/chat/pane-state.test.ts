import type { Message } from '@carillon/client';
import { describe, expect, it } from 'vitest';
import { INITIAL, MAX_MESSAGES, type PaneEvent, reduce } from './pane-state.ts';

function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    channel: 'c',
    epoch: 'e',
    seq,
    id: `m${seq}`,
    timestamp: 100,
    payload: { text: `#${seq}` },
    event: undefined,
    user: 'ada',
    trace: undefined,
    own: false,
    recovered: false,
    redelivered: false,
    ...more,
  };
}

const came = (seq: number, more: Partial<Message> = {}): PaneEvent => ({
  type: 'message',
  at: 103,
  message: message(seq, more),
});
const resumed = (missed: number, at: number): PaneEvent => ({
  type: 'recovered',
  at,
  event: { channel: 'c', recovered: true, reason: undefined, missed, position: { epoch: 'e', seq: 1 } },
});
const lost = (at: number): PaneEvent => ({ type: 'disconnected', at, code: 1006, reason: 'lost' });
const run = (...events: PaneEvent[]) => events.reduce(reduce, INITIAL);

describe('pane state', () => {
  it('marks what was recovered and says when all of it has come', () => {
    const state = run(
      came(1),
      lost(1000),
      resumed(2, 3500),
      came(2, { recovered: true }),
      came(3, { recovered: true }),
      came(4),
    );
    expect(state.messages.map(({ arrival }) => arrival)).toEqual(['live', 'recovered', 'recovered', 'live']);
    expect(state.recovery).toMatchObject({ missed: 2, arrived: 2, awayMs: 2500, recovered: true });
    expect(state.log.at(-1)?.text).toBe('2 recovered, in order');
    expect(state.gaps).toBe(0);
  });

  it('does not take the first subscription for a recovery', () => {
    const state = run(
      { type: 'history', at: 0, messages: [message(1)] },
      resumed(1, 5),
      came(2, { recovered: true }),
    );
    expect(state.recovery).toBeUndefined();
    expect(state.messages.map(({ arrival }) => arrival)).toEqual(['history', 'history']);
  });

  it('counts a break in the run of seq', () => {
    expect(run(came(1), came(3)).gaps).toBe(1);
    expect(run(came(1), came(1, { epoch: 'f' })).gaps).toBe(0);
  });

  it('shows latency as receipt minus publish, never below zero', () => {
    expect(run(came(1)).messages[0]?.latencyMs).toBe(3);
    expect(reduce(INITIAL, { type: 'message', at: 50, message: message(1) }).messages[0]?.latencyMs).toBe(0);
  });

  it('shows whatever payload somebody publishes', () => {
    const texts = ['plain', 7, null, { text: 'said' }, { a: 1 }].map(
      (payload) => run(came(1, { payload })).messages[0]?.text,
    );
    expect(texts).toEqual(['plain', '7', 'null', 'said', '{"a":1}']);
  });

  it('keeps a bounded number of messages', () => {
    const state = run(...Array.from({ length: MAX_MESSAGES + 50 }, (_, i) => came(i + 1)));
    expect(state.messages).toHaveLength(MAX_MESSAGES);
    expect(state.received).toBe(MAX_MESSAGES + 50);
  });

  it('forgets a problem when the connection is back', () => {
    const away = run({ type: 'reconnecting', at: 0, attempt: 1, delayMs: 500, problem: 'gateway away' });
    expect(away).toMatchObject({ problem: 'gateway away', retryAt: 500 });
    const back = reduce(away, { type: 'connected', at: 1, gateway: 'g', reconnected: true });
    expect(back.problem).toBeUndefined();
  });
});
