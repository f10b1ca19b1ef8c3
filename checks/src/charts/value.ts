/** JSON that a value may be. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One value of a chart, declared once: values.yaml, values.schema.json and the reference page are made from it. */
export interface Leaf {
  readonly description: string;
  readonly fallback: Json;
  readonly schema: JsonObject;
}

/** Values that belong together. */
export interface Section {
  readonly description: string;
  readonly members: Members;
}

export type Node = Leaf | Section;
export type Members = { readonly [name: string]: Node };

export function isSection(node: Node): node is Section {
  return 'members' in node;
}

export function section(description: string, members: Members): Section {
  return { description, members };
}

export function leaf(description: string, fallback: Json, schema: JsonObject): Leaf {
  return { description, fallback, schema };
}

export const text = (description: string, fallback = '', pattern?: string): Leaf =>
  leaf(description, fallback, pattern === undefined ? { type: 'string' } : { type: 'string', pattern });

export const flag = (description: string, fallback: boolean): Leaf =>
  leaf(description, fallback, { type: 'boolean' });

export const integer = (description: string, fallback: number, minimum: number, maximum: number): Leaf =>
  leaf(description, fallback, { type: 'integer', minimum, maximum });

/** A number that the chart computes when it is not given. */
export const computed = (description: string, minimum: number, maximum: number): Leaf =>
  leaf(description, null, { type: ['integer', 'null'], minimum, maximum });

/** An object that Kubernetes checks. */
export const object = (description: string, fallback: JsonObject = {}): Leaf =>
  leaf(description, fallback, { type: 'object' });

/** A list whose items Kubernetes checks. */
export const objects = (description: string, fallback: readonly Json[] = []): Leaf =>
  leaf(description, fallback, { type: 'array', items: { type: 'object' } });

export const texts = (description: string, fallback: readonly string[] = []): Leaf =>
  leaf(description, fallback, { type: 'array', items: { type: 'string' } });

export const textMap = (description: string): Leaf =>
  leaf(description, {}, { type: 'object', additionalProperties: { type: 'string' } });
