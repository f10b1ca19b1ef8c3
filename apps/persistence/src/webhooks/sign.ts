import { createHmac } from 'node:crypto';

/** `t=<seconds>,v1=<hex>`, a `v1` for each secret: HMAC-SHA256 over `<t>.<body>`. */
export function signatureOf(secrets: readonly string[], body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const signatures = secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`,
  );
  return [`t=${seconds}`, ...signatures].join(',');
}
