import { X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:tls';
import { pairFault } from '@carillon/config';
import type { ServiceShell } from '@carillon/service';
import type { Logger, Telemetry } from '@carillon/telemetry';

const DAY_MS = 86_400_000;
/** A certificate that is renewed by itself is renewed long before this. */
const WARN_DAYS = 14;
/** The files are looked at this often; a change of links, as Kubernetes makes it, is seen too. */
const LOOK_EVERY_MS = 5000;
const WARN_EVERY_MS = DAY_MS / 2;

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * The certificate that the gateway serves: read again when its files change, and when it is told to (SIGHUP). Connections that exist keep
 * theirs. A pair that doesn't fit is refused, and the one before goes on being served: files are often replaced one after the other.
 */
export class ServedCertificate {
  readonly #files: CertificateFiles;
  readonly #logger: Logger;
  readonly #lookEveryMs: number;
  #served: Pair;
  #server: Server | undefined;
  #warning: NodeJS.Timeout | undefined;

  /** @throws Error when the files can't be read */
  constructor(files: CertificateFiles, telemetry: Telemetry, lookEveryMs = LOOK_EVERY_MS) {
    this.#files = files;
    this.#logger = telemetry.loggerOf('tls');
    this.#lookEveryMs = lookEveryMs;
    this.#served = readPair(files);
  }

  get pair(): Pair {
    return this.#served;
  }

  start(server: Server): void {
    this.#server = server;
    for (const file of [this.#files.certFile, this.#files.keyFile])
      watchFile(file, { interval: this.#lookEveryMs, persistent: false }, this.reload);
    this.#warn();
    this.#warning = setInterval(() => this.#warn(), WARN_EVERY_MS);
    this.#warning.unref();
  }

  stop(): void {
    for (const file of [this.#files.certFile, this.#files.keyFile]) unwatchFile(file, this.reload);
    clearInterval(this.#warning);
  }

  readonly reload = (): void => {
    const { certFile, keyFile } = this.#files;
    const fault = pairFault(
      { variable: 'CARILLON_TLS_CERT_FILE', path: certFile },
      { variable: 'CARILLON_TLS_KEY_FILE', path: keyFile },
      (path) => readFileSync(path, 'utf8'),
    );
    if (fault !== undefined) {
      this.#logger.error({ fault }, 'the certificate was changed and is not used: the one before is served');
      return;
    }
    const pair = readPair(this.#files);
    if (pair.cert === this.#served.cert && pair.key === this.#served.key) return;
    this.#server?.setSecureContext(pair);
    this.#served = pair;
    this.#logger.info({ validTo: validTo(pair).toISOString() }, 'a new certificate is served');
    this.#warn();
  };

  /** Problem with the certificate's validity, present or soon; `undefined` when there is none. */
  problem(): string | undefined {
    const end = validTo(this.#served);
    const days = Math.floor((end.getTime() - Date.now()) / DAY_MS);
    if (days >= WARN_DAYS) return undefined;
    const when = end.toISOString();
    return days < 0
      ? `the certificate has been invalid since ${when}: clients refuse it. Renew CARILLON_TLS_CERT_FILE`
      : `the certificate is valid for ${days} more days, until ${when}. Renew CARILLON_TLS_CERT_FILE`;
  }

  #warn(): void {
    const problem = this.problem();
    if (problem !== undefined) this.#logger.warn(problem);
  }
}

function readPair({ certFile, keyFile }: CertificateFiles): Pair {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

function validTo({ cert }: Pair): Date {
  return new Date(new X509Certificate(cert).validTo);
}

/** @param server of TLS, which serves the certificate */
export function addCertificate(shell: ServiceShell, certificate: ServedCertificate, server: object): void {
  shell.health.add('certificate', () => certificate.problem(), { affects: 'nothing' });
  shell.add({
    name: 'certificate',
    start: async () => certificate.start(server as Server),
    stop: async () => certificate.stop(),
  });
}
