const PROTO = '__proto__';

/**
 * The value of JSON text, without members of the name `__proto__`: `JSON.parse` makes them own properties, and an application that copies
 * the object (`Object.assign({}, payload)`) would let whoever published it set a prototype. Text without that name costs two
 * searches; `\u005f` is an underscore as well. @throws SyntaxError
 */
export function parseJson(text: string, revive?: (value: unknown) => unknown): unknown {
  if (revive === undefined && !text.includes(PROTO) && !text.includes('\\u00')) return JSON.parse(text);
  return JSON.parse(text, (name, value: unknown) => {
    if (name === PROTO) return undefined;
    return revive === undefined ? value : revive(value);
  });
}
