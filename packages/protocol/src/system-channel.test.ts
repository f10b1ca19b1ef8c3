import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelNameFault } from './channel-name.ts';
import { isSystemChannel, sessionChannel, userChannel } from './system-channel.ts';

describe('[CH5] personal channels', () => {
  it.each([
    ['ada', '#user:ada'],
    ['ada@example.com', '#user:ada@example.com'],
    ['Ada Lovelace', '#user:Ada~20Lovelace'],
    ['a~b', '#user:a~7Eb'],
    ['é', '#user:~C3~A9'],
    ['', undefined],
    ['x'.repeat(195), undefined],
  ])('of %s is %s', (user, channel) => expect(userChannel(user)).toBe(channel));

  it('are valid names, and another one for each user', () => {
    const ids = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [one, two] = [userChannel(a), userChannel(b)];
        if (one !== undefined) expect(channelNameFault(one)).toBeUndefined();
        if (a.toWellFormed() !== b.toWellFormed() && one !== undefined) expect(one).not.toBe(two);
      }),
    );
  });
});

it.each(['#systems', '#user:', '#session:short', '#session:with space in it x', '#other:x', '#'])(
  '[CH3] %s is reserved',
  (name) => expect(isSystemChannel(name)).toBe(false),
);

it('[CH6] a session has a channel', () => {
  expect(isSystemChannel(sessionChannel('0123456789abcdef'))).toBe(true);
});
