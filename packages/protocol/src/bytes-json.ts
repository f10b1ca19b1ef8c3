/** JSON with typed arrays in it. Rule [BY4] of SPEC.md. */
import { asBytes, bytesOf } from './bytes-payload.ts';
import { parseJson } from './parse-json.ts';

/** JSON text in which typed arrays, at the top or within, have their JSON form. @throws TypeError when it is not a JSON value. */
export function stringifyPayload(payload: unknown): string {
  // `value` has been through toJSON, which Node's buffers have; what stands in `this` has not.
  const text = JSON.stringify(payload, function (this: Record<string, unknown>, name, value: unknown) {
    const raw = this[name];
    return ArrayBuffer.isView(raw) || raw instanceof ArrayBuffer ? asBytes(raw) : value;
  }) as string | undefined;
  if (text === undefined) throw new TypeError('The payload is not a JSON value');
  return text;
}

/** {@link parseJson}, with typed arrays where the text has their JSON form. @throws SyntaxError */
export function parsePayload(text: string): unknown {
  return parseJson(text, text.includes('"$bytes"') ? (value) => bytesOf(value) ?? value : undefined);
}
