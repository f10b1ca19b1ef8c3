import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ReadFile } from './read-setting.ts';

/** A PEM file that a setting names. */
export interface PemFile {
  readonly variable: string;
  readonly path: string;
}

/** Is the file there, and readable? @returns what is wrong */
export function pemFault({ variable, path }: PemFile, readFile: ReadFile): string | undefined {
  try {
    return readFile(path).includes('-----BEGIN ')
      ? undefined
      : `${variable} is ${path}, which is no PEM file`;
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    return `${variable} is ${path}, which can't be read (${reason})`;
  }
}

/** Do a certificate and a private key belong together? @returns what is wrong */
export function pairFault(cert: PemFile, key: PemFile, readFile: ReadFile): string | undefined {
  const unreadable = pemFault(cert, readFile) ?? pemFault(key, readFile);
  if (unreadable !== undefined) return unreadable;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFile(cert.path));
  } catch {
    return `${cert.variable} is ${cert.path}, which does not begin with a certificate`;
  }
  try {
    if (certificate.checkPrivateKey(createPrivateKey(readFile(key.path)))) return undefined;
  } catch {
    return `${key.variable} is ${key.path}, which is no private key, or one that asks for a password`;
  }
  return `the private key of ${key.variable} does not belong to the certificate of ${cert.variable}`;
}
