/**
 * Decodes base64url as RFC 7515 has it: no padding, no other alphabet, no unused bits set. Node's own decoder skips what it
 * doesn't know, so that one signature could be written in many ways.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const rest = text.length % 4;
  if (rest === 1) return undefined;
  if (rest !== 0 && !endsCanonically(text, rest)) return undefined;
  return Buffer.from(text, 'base64url');
}

/** The last character of an incomplete group has 4 (rest 2) or 2 (rest 3) bits that have to be zero. */
function endsCanonically(text: string, rest: number): boolean {
  const last = text.charAt(text.length - 1);
  return rest === 2 ? 'AQgw'.includes(last) : 'AEIMQUYcgkosw048'.includes(last);
}
