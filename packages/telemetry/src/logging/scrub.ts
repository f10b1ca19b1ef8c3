/**
 * Takes secrets out of text that goes to a log. Runs over every line, so that a field somebody forgot can't leak. What is
 * inside a text is often JSON in JSON, hence the backslashes. All repetitions are bounded: part of the text comes from
 * clients, and a pattern that takes quadratic time would be a way to stop a gateway.
 */

const SECRET_NAMES = 'token|ticket|secret|password|passwd|api[_-]?key|private[_-]?key';
const HEADERS = 'authorization|cookie|x-api-key|sec-websocket-protocol';
/**
 * Separators between a name and its value: `a: b` and `a=b`; `"a":"b"`, `\"a\":\"b\"`, `"a","b"` and `"a":["b"]`. In
 * JSON an unquoted value is left alone: it is no secret, and the line has to stay JSON.
 */
const QUOTE = String.raw`\\{0,3}["']`;
const BETWEEN = String.raw`(?:\s{0,4}[:=]\s{0,4}(?=[^\s"'\\[{])|${QUOTE}\s{0,4}[:,]\s{0,4}\[?${QUOTE})`;

const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // A JWT, whole or cut: base64url of `{"`, then anything.
  [/eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,4}/g, '[token]'],
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^"\\]|\\{1,3}[nr]){0,16384}/g, '[private key]'],
  [new RegExp(String.raw`((?:${HEADERS})${BETWEEN})(?!\[)[^"'\r\n\\]{1,8192}`, 'gi'), '$1[redacted]'],
  // In a query or a form.
  [new RegExp(String.raw`((?:${SECRET_NAMES})=)(?!\[)[^&\s"'#\\]{1,8192}`, 'gi'), '$1[redacted]'],
  // A member of an object.
  [
    new RegExp(String.raw`((?:${SECRET_NAMES})${QUOTE}\s{0,4}:\s{0,4}${QUOTE})(?!\[)[^"'\\]{1,8192}`, 'gi'),
    '$1[redacted]',
  ],
  // A password in a URL. People don't encode it, so it ends at the last @; a port is none.
  [
    /\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@"']{0,128}):(?!\d{1,5}(?:[/?#,\s"'\\]|$))[^\s"',\\]{1,256}@/gi,
    '$1:[redacted]@',
  ],
];

export function scrub(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}
