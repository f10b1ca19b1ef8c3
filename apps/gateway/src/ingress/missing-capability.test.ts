import { expect, it } from 'vitest';
import { missingCapability } from './missing-capability.ts';

it('says which capability is missing', () => {
  expect(missingCapability('publish on chat:a', 'publish', 'chat:a')).toMatchObject({
    code: 'PERMISSION_DENIED',
    message:
      'The token does not allow to publish on chat:a: it needs the capability publish for this channel.',
  });
});

it('says of a name of the system that * does not match it', () => {
  const { message } = missingCapability('publish on #user:ada', 'publish', '#user:ada');
  expect(message).toContain('Only a pattern that begins with # matches it, * does not.');
});
