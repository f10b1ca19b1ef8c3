import type { MessageFrame } from '@carillon/protocol';
import { expect, it } from 'vitest';
import { Channel } from './channel.ts';

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
