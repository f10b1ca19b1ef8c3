import type { Message } from '@carillon/client';
import { describe, expect, it } from 'vitest';
import { messageJson, messageText } from './message-line.ts';
import { parseCount, parsePosition } from './position.ts';

const message: Message = {
  channel: 'chat:lobby',
  epoch: 'e1',
  seq: 42,
  id: 'm1',
  timestamp: 0,
  payload: { text: 'hi' },
  event: undefined,
  user: 'ada',
  trace: undefined,
  own: false,
  recovered: false,
  redelivered: false,
};

describe('a message', () => {
  it('shows a typed array in its JSON form', () => {
    const bytes = { ...message, payload: Float32Array.of(1) };
    expect(JSON.parse(messageJson(bytes)).payload).toEqual({ $bytes: 'AACAPw==', $type: 'f32' });
    expect(messageText(bytes)).toContain('{"$bytes":"AACAPw==","$type":"f32"}');
  });

  it('is one JSON line for programs', () => {
    expect(JSON.parse(messageJson(message))).toEqual({
      channel: 'chat:lobby',
      epoch: 'e1',
      seq: 42,
      id: 'm1',
      timestamp: 0,
      user: 'ada',
      payload: { text: 'hi' },
    });
  });

  it('shows channel, seq, user and payload to a person', () => {
    const text = messageText({ ...message, event: 'said', recovered: true });
    for (const part of ['chat:lobby', '42', 'ada', 'said', '{"text":"hi"}', '(was missed)'])
      expect(text).toContain(part);
  });

  it('can not steer the terminal', () => {
    const text = messageText({ ...message, payload: 'a\u001b[2Jb\nc\u009b' });
    expect(text).toContain('a\\u001b[2Jb\\nc');
    expect(text.includes('\u001b[2J')).toBe(false);
    expect(text.includes('\u009b')).toBe(false);
  });
});

describe('arguments', () => {
  it('read positions and counts', () => {
    expect(parsePosition('m1x2:42')).toEqual({ epoch: 'm1x2', seq: 42 });
    expect(parseCount('3')).toBe(3);
  });

  it.each(['42', 'a:b', ':1', 'e:-1'])('refuse the position %s', (text) => {
    expect(() => parsePosition(text)).toThrow(/is not a position/);
  });

  it.each(['0', '-1', '1.5', 'x'])('refuse the count %s', (text) => {
    expect(() => parseCount(text)).toThrow(/whole number/);
  });
});
