import { expect, it } from 'vitest';
import { permissionError } from './permission-error.ts';

const ADA = { userId: 'ada' };
const NOBODY = { userId: undefined };

it('says which capability is missing', () => {
  expect(permissionError(ADA, 'publishing to chat:a', 'publish', { channel: 'chat:a' })).toMatchObject({
    code: 'PERMISSION_DENIED',
    message:
      'The token does not allow publishing to chat:a: it needs the capability publish for this channel.',
  });
});

it('says of a client without a token that there is none', () => {
  expect(permissionError(NOBODY, 'answering m', 'answer', { method: 'm' }).message).toBe(
    'There is no token, and without one answering m is not allowed: send a token with the capability answer for this method.',
  );
});

it('says of a name of the system that * does not match it', () => {
  for (const identity of [ADA, NOBODY]) {
    const on = { channel: '#user:ada' };
    const { message } = permissionError(identity, 'publishing to #user:ada', 'publish', on);
    expect(message).toContain('Only a pattern that begins with # matches it, * does not.');
  }
});
