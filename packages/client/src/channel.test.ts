import type { MessageFrame } from '@carillon/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Channel } from './channel.ts';
import { RealtimeError } from './errors.ts';

const frame = (epoch: string, seq: number, id: string): MessageFrame =>
  ({ type: 'message', channel: 'a', epoch, seq, id, timestamp: 0, payload: null }) as MessageFrame;

it('[PO4] takes a message that is published again in a new epoch for what it is, and goes on after it', () => {
  const channel = new Channel('a', undefined);
  channel.onSubscribed({ channel: 'a', epoch: 'e1', seq: 0 });
  expect(channel.onMessage(frame('e1', 1, 'm1'), false)).toBe('next');
  expect(channel.onMessage(frame('e1', 2, 'm2'), false)).toBe('next');
  channel.onGap({
    type: 'gap',
    channel: 'a',
    epoch: 'e2',
    seq: 0,
    reason: 'epoch-changed',
    from: { epoch: 'e1', seq: 2 },
  });
  expect(channel.onMessage(frame('e2', 1, 'm2'), false)).toBe('duplicate');
  expect(channel.onMessage(frame('e2', 2, 'm3'), false)).toBe('next');
  expect(channel.position).toEqual({ epoch: 'e2', seq: 2 });
});

describe('[SU8] what was missed can not be read', () => {
  const refusal = new RealtimeError('HISTORY_UNAVAILABLE', 'not now', { retryable: true });
  const at = { epoch: 'e1', seq: 7 };

  afterEach(() => vi.useRealTimers());

  it('keeps the position while it may come back, and tells what was recovered', () => {
    const channel = new Channel('a', at);
    channel.onRefused(refusal);
    expect(channel.presented(60_000)).toEqual(at);
    const event = channel.onSubscribed({ channel: 'a', ...at, recovered: true, missed: 2 });
    expect(event).toMatchObject({ recovered: true, missed: 2 });
  });

  it('goes on without it after that time, and says so', () => {
    vi.useFakeTimers({ now: 0 });
    const channel = new Channel('a', at);
    channel.onRefused(refusal);
    vi.setSystemTime(50_000);
    channel.onRefused(refusal);
    vi.setSystemTime(60_001);
    expect(channel.presented(60_000)).toBeUndefined();
    const event = channel.onSubscribed({ channel: 'a', epoch: 'e1', seq: 30 });
    expect(event).toMatchObject({ recovered: false, reason: 'history-unavailable', position: { seq: 30 } });
    expect(channel.presented(60_000)).toEqual({ epoch: 'e1', seq: 30 });
  });
});
