import { CarillonError } from '@carillon/protocol';

const MAX_SHOWN_LENGTH = 64;

/** Of a route that takes no body, or `{}`: a member that vanishes is a wish that is not heard. @throws CarillonError naming the first */
export function refuseMembers(body: unknown): void {
  if (body === undefined || body === null) return;
  if (typeof body !== 'object' || Array.isArray(body))
    throw new CarillonError('BODY_INVALID', 'This address takes no body, or an empty object.');
  const [unknown] = Object.keys(body);
  if (unknown !== undefined)
    throw new CarillonError(
      'BODY_INVALID',
      `${JSON.stringify(unknown.slice(0, MAX_SHOWN_LENGTH))} is not known; this address takes no members.`,
    );
}
