import type { CapabilitiesClaim } from '@carillon/protocol';
import { expect, test } from 'vitest';
import { anonymousIdentity } from './anonymous.ts';
import { allows } from './capabilities.ts';
import { TokenError } from './token-error.ts';

test('[S2] without a policy there is no anonymous identity', () => {
  expect(anonymousIdentity(undefined)).toBeUndefined();
});

test('[S2] with a policy it has no user, no end, and the capabilities of the policy only', () => {
  const identity = anonymousIdentity({ capabilities: { 'public:*': ['subscribe'] } })!;
  expect(identity).toMatchObject({ userId: undefined, app: 'default', expiresAtMs: undefined });
  expect(allows(identity.capabilities, 'subscribe', 'public:news')).toBe(true);
  expect(allows(identity.capabilities, 'publish', 'public:news')).toBe(false);
  expect(allows(identity.capabilities, 'subscribe', 'private')).toBe(false);
});

test('a wrong policy is refused when it is made', () => {
  const wrong = { a: ['fly'] } as unknown as CapabilitiesClaim;
  expect(() => anonymousIdentity({ capabilities: wrong })).toThrow(TokenError);
});
