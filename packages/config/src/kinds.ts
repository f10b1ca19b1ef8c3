import { z } from 'zod';
import type { Kind, Parsed } from './setting.ts';

/** Makes a kind from a zod schema that takes text. With `explain`, zod's own words are added to the error. */
function fromSchema<T>(
  schema: z.ZodType<T, string>,
  shape: { allowed: string; unit?: string; format?: (value: T) => string; explain?: boolean },
): Kind<T> {
  return {
    allowed: shape.allowed,
    ...(shape.unit === undefined ? {} : { unit: shape.unit }),
    format: shape.format ?? String,
    parse: (text): Parsed<T> => {
      const result = schema.safeParse(text);
      if (result.success) return { value: result.data };
      return { fault: shape.explain === true ? explainIssues(result.error) : '' };
    },
  };
}

/** Zod's issues on one line, each with the path of the member it is about. */
export function explainIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`))
    .join('; ');
}

/** A whole number in a range. */
export function integer(min: number, max: number, unit?: string): Kind<number> {
  const schema = z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));
  return fromSchema(schema, { allowed: `integer ${min}..${max}`, ...(unit === undefined ? {} : { unit }) });
}

/** A number in a range, with or without a fraction. */
export function decimal(min: number, max: number): Kind<number> {
  const schema = z
    .string()
    .regex(/^-?\d{1,16}(\.\d{1,16})?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
  return fromSchema(schema, { allowed: `number ${min}..${max}` });
}

/** Text that a pattern describes; `allowed` says the same to people. */
export function text(pattern: RegExp, allowed: string): Kind<string> {
  return fromSchema(z.string().regex(pattern), { allowed });
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T): Kind<T[number]> {
  return fromSchema(z.enum(words), { allowed: words.join(' | ') });
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['off', false],
  ['no', false],
]);

/** A switch: `true` or `false` (also 1/0, on/off, yes/no). */
export function flag(): Kind<boolean> {
  return {
    allowed: 'true | false',
    format: String,
    parse: (given) => {
      const value = FLAGS.get(given.toLowerCase());
      return value === undefined ? { fault: '' } : { value };
    },
  };
}

/** An absolute URL with one of the schemes. */
export function url(...schemes: readonly [string, ...string[]]): Kind<string> {
  const list = schemes.map((scheme) => `${scheme}://`).join(' or ');
  return {
    allowed: `URL starting with ${list}`,
    fromFile: true,
    format: String,
    parse: (given) => {
      if (!URL.canParse(given)) return { fault: 'it is not a URL' };
      const { protocol, port } = new URL(given);
      if (port === '0') return { fault: 'nobody can be reached at port 0' };
      const scheme = protocol.slice(0, -1);
      return schemes.includes(scheme) ? { value: given } : { fault: `its scheme is ${scheme}://` };
    },
  };
}

/** Comma-separated items of another kind; white space around items is dropped, empty items are ignored. */
export function listOf<T>(item: Kind<T>): Kind<readonly T[]> {
  return {
    allowed: `comma-separated list of: ${item.allowed}`,
    format: (values) => values.map((value) => item.format(value)).join(','),
    parse: (given) => {
      const values: T[] = [];
      for (const part of given.split(',')) {
        const trimmed = part.trim();
        if (trimmed === '') continue;
        const parsed = item.parse(trimmed);
        if ('fault' in parsed) {
          const reason = parsed.fault === '' ? '' : `: ${parsed.fault}`;
          return { fault: `the item ${JSON.stringify(trimmed.slice(0, 100))} is wrong${reason}` };
        }
        values.push(parsed.value);
      }
      return { value: values };
    },
  };
}

/** JSON text of a shape. */
export function json<T>(schema: z.ZodType<T>, allowed: string): Kind<T> {
  return {
    allowed,
    format: (value) => JSON.stringify(value),
    parse: (given) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(given);
      } catch (cause) {
        // V8 quotes a piece of the text; that is fine for JSON settings, which are not secret.
        return { fault: `it is not JSON (${cause instanceof Error ? cause.message : 'unreadable'})` };
      }
      const result = schema.safeParse(parsed);
      return result.success ? { value: result.data } : { fault: explainIssues(result.error) };
    },
  };
}
