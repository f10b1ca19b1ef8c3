import { CarillonError } from '@carillon/protocol';
import type { z } from 'zod';

/** A request's query or body by its schema. @throws CarillonError `code`, naming each member that is wrong; `whole` stands for all of it */
export function parsed<T>(
  schema: z.ZodType<T>,
  given: unknown,
  code: 'BODY_INVALID' | 'QUERY_INVALID',
  whole = 'request',
): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || whole}: ${message}`);
  throw new CarillonError(code, issues.join('; '));
}
