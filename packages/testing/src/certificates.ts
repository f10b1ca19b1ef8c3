import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface Certificates {
  /** Of the authority that signed the certificate, and that nobody knows. */
  readonly caFile: string;
  /** For localhost and 127.0.0.1. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes an authority of its own and a certificate for a server on this machine, in `dir`. Needs openssl. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const [caFile, caKey, certFile, keyFile, request, extensions] = [
    'ca.pem',
    'ca-key.pem',
    'server.pem',
    'server-key.pem',
    'request.pem',
    'extensions.txt',
  ].map((name) => join(dir, name)) as [string, string, string, string, string, string];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  await run('openssl', [
    ...['req', '-x509', ...key, '-keyout', caKey, '-out', caFile],
    ...['-days', '2', '-subj', '/CN=Carillon test authority'],
  ]);
  await run('openssl', [...['req', ...key, '-keyout', keyFile, '-out', request, '-subj', '/CN=localhost']]);
  await run('openssl', [
    ...['x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial'],
    ...['-days', '2', '-extfile', extensions, '-out', certFile],
  ]);
  return { caFile, certFile, keyFile };
}
