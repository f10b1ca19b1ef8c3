/** SPEC.md and the code say the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readClientFrame } from './client-frame.ts';
import { isErrorCode } from './errors.ts';

const SPEC = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
const examples = (side: 'C' | 'S'): readonly string[] =>
  SPEC.split('\n').flatMap((line) => (line.startsWith(`${side}> `) ? [line.slice(3)] : []));
const LIMITS = { maxFrameDepth: 32, maxChannelsPerFrame: 128 };

describe('SPEC.md', () => {
  it('numbers each rule once', () => {
    const rules = [...SPEC.matchAll(/^- \*\*\[([A-Z]{2}\d+)\]\*\*/gm)].map(([, rule]) => rule);
    expect(rules.length).toBeGreaterThan(40);
    expect(new Set(rules).size).toBe(rules.length);
  });

  it.each(examples('C'))('has a client frame that the gateway reads: %s', (text) => {
    const reading = readClientFrame(text, LIMITS);
    const { type, id } = JSON.parse(text) as { type: string; id: number };
    // The one example of a bad frame is the one that the next line answers with an error.
    if (text.includes('chat lobby'))
      expect(reading).toMatchObject({ error: { code: 'CHANNEL_INVALID' }, re: id });
    else expect(reading).toMatchObject({ frame: { type, id } });
  });

  it('shows every type of frame of both sides', () => {
    const types = (side: 'C' | 'S') =>
      new Set(examples(side).map((text) => (JSON.parse(text) as { type: string }).type));
    expect(types('C')).toEqual(
      new Set([
        'connect',
        'refresh',
        'subscribe',
        'unsubscribe',
        'publish',
        'history',
        'ack',
        'request',
        'cancel',
        'serve',
        'response',
        'ping',
      ]),
    );
    expect(types('S')).toEqual(
      new Set([
        'connected',
        'refreshed',
        'token_expiring',
        'ended',
        'subscribed',
        'unsubscribed',
        'message',
        'message_batch',
        'gap',
        'accepted',
        'stored',
        'history',
        'pong',
        'response',
        'request',
        'cancel',
        'serving',
        'error',
        'disconnect',
        'status',
      ]),
    );
  });

  it('shows the error of the bad example word for word', () => {
    const bad = readClientFrame(examples('C').find((text) => text.includes('chat lobby'))!, LIMITS);
    const shown = JSON.parse(examples('S').find((text) => text.includes('CHANNEL_INVALID'))!) as {
      message: string;
    };
    expect('error' in bad && bad.error.message).toBe(shown.message);
  });

  it('names only codes that exist', () => {
    const codes = [...SPEC.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code]) => code!);
    expect(codes.filter((code) => !isErrorCode(code))).toEqual([]);
  });
});
