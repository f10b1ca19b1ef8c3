import { describe, expect, it } from 'vitest';
import { parseCapabilities } from './token.ts';

describe('--can', () => {
  it('is pattern=actions, several times, also for one pattern', () => {
    expect(parseCapabilities(['chat:*=subscribe,publish', 'news=history', 'chat:*=presence'])).toEqual({
      'chat:*': ['subscribe', 'publish', 'presence'],
      news: ['history'],
    });
  });

  it('takes the last = as the separator, since names may hold one', () => {
    expect(parseCapabilities(['a=b=subscribe'])).toEqual({ 'a=b': ['subscribe'] });
  });

  it.each(['chat:*', '=subscribe', 'chat:*=fly', 'chat:*='])('refuses %s', (text) => {
    expect(() => parseCapabilities([text])).toThrow(/is not/);
  });
});
