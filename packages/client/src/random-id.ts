/** 20 characters of 0-9 a-f. `crypto.randomUUID` would do, but pages without TLS don't have it. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
