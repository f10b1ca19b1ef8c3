import { createHash } from 'node:crypto';

/** SHA-256 of the secrets in docker-compose.yml and in the guides: the secrets themselves stand in no program that looks for them. */
const FINGERPRINTS: ReadonlySet<string> = new Set([
  'ed9d3b5f8e700d98673b300610e6ca10734ce00fd6312be515126117df874c00',
  'd0bfc322eda1b734f8220510f5250b674476927bbbce6b4e32df042e38934507',
]);
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * Warns of secrets that everybody can read in the documentation, where others than this machine may reach the service.
 *
 * @param secrets by their variable
 */
export function sampleSecretWarnings(
  secrets: Readonly<Record<string, string | undefined>>,
  host: string,
): readonly string[] {
  if (LOOPBACK.test(host)) return [];
  return Object.entries(secrets)
    .filter(([, secret]) => secret !== undefined && FINGERPRINTS.has(fingerprintOf(secret)))
    .map(
      ([variable]) =>
        `${variable} is the sample from the documentation, which everybody knows, and this service listens on ${host}: whoever reaches it ` +
        'has all rights. Set one of your own ("$(openssl rand -base64 48)"), unless only this machine reaches the port.',
    );
}

function fingerprintOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
