/** Takes secrets out of text that goes to a log: tokens, passwords in URLs, authorization headers. */

const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // A JWT: three base64url parts, the first begins with `{"`.
  [/eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?/g, '[token]'],
  [/([?&](?:token|access_token|ticket)=)[^&\s"'#]*/gi, '$1[redacted]'],
  [/\b(authorization["']?\s*[:=]\s*["']?(?:bearer|basic)?\s*)[^\s"',}]+/gi, '$1[redacted]'],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, '$1:[redacted]@'],
];

export function scrub(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}
