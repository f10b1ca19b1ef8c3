import { createHash, timingSafeEqual } from 'node:crypto';
import { CarillonError } from '@carillon/protocol';
import type { FastifyRequest } from 'fastify';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Lets a request pass that has the token as a bearer. Digests are compared: neither the time nor the length tells anything
 * about the token. Without a token nothing passes.
 */
export function requireToken(token: string | undefined): (request: FastifyRequest) => Promise<void> {
  const expected = token === undefined ? undefined : digest(token);
  return async (request) => {
    if (expected === undefined)
      throw new CarillonError(
        'PERMISSION_DENIED',
        'The admin API is off: set CARILLON_ADMIN_TOKEN to turn it on.',
      );
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined)
      throw new CarillonError('TOKEN_MISSING', 'Send the admin token as `authorization: Bearer <token>`.');
    if (!timingSafeEqual(digest(given), expected))
      throw new CarillonError('PERMISSION_DENIED', 'This is not the admin token.');
  };
}
