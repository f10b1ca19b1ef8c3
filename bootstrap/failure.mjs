import { stripVTControlCharacters } from 'node:util';

/**
 * A reason why Carillon cannot be started that the reader can do something about: what happened, and what to do.
 */
export class BootstrapFailure extends Error {
  /**
   * @param {string} message what happened, one sentence
   * @param {string} fix what to do about it
   * @param {string} [details] output of the tool that failed
   */
  constructor(message, fix, details = '') {
    super(message);
    this.fix = fix;
    this.details = stripVTControlCharacters(details);
  }
}

/** @typedef {{ pattern: RegExp, message: string, fix: string }} KnownFailure */

/** @type {readonly KnownFailure[]} matched in order against the output of npm or pnpm */
const KNOWN_FAILURES = [
  {
    pattern: /ENOSPC|no space left on device/i,
    message: 'The disk is full',
    fix: 'Free about 2 GB on the disk of this folder and of your home folder, then start again.',
  },
  {
    pattern: /EROFS|EACCES|EPERM|permission denied|read-only file system/i,
    message: 'A folder cannot be written to',
    fix: "Make this folder writable for your user (and npm's cache: `npm config get cache`), then start again.",
  },
  {
    pattern: /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET)|CERT_|certificate/i,
    message: "The package registry's certificate is not trusted",
    fix: "Name your organisation's certificate to npm: `npm config set cafile <file>` and NODE_EXTRA_CA_CERTS=<file>.",
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|dns error|network/i,
    message: 'The package registry cannot be reached',
    fix: 'Check the network, and the proxy and registry settings: `npm config get registry`, `npm config get proxy`.',
  },
  {
    pattern: /E404|ETARGET|No match(ing version)? found|ERR_PNPM_NO_MATCHING_VERSION/i,
    message: 'The package registry does not have a package that Carillon needs',
    fix: 'If `npm config get registry` names a mirror, ask for the package named below to be added to it.',
  },
  {
    pattern: /ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE|lockfile.*(not up to date|outdated)/i,
    message: 'A package.json has changed and pnpm-lock.yaml has not',
    fix: 'Bring the lockfile up to date with `node bootstrap/run.mjs pnpm install`, and commit it.',
  },
];

/** @param {unknown} error @returns {BootstrapFailure | undefined} for what the file system refused; undefined for a fault of ours */
export function fileSystemFailure(error) {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const known = KNOWN_FAILURES.slice(0, 2).find(({ pattern }) => pattern.test(error.message));
  return known && new BootstrapFailure(`${known.message}.`, known.fix, error.message);
}

const DETAIL_LINES = 15;

/**
 * @param {string} what the step that failed, e.g. "Fetching Node 24.21.0"
 * @param {string} output all that npm or pnpm has said
 * @returns {BootstrapFailure}
 */
export function failureFrom(what, output) {
  const details = output.trim().split('\n').slice(-DETAIL_LINES).join('\n');
  const known = KNOWN_FAILURES.find(({ pattern }) => pattern.test(output));
  if (known) return new BootstrapFailure(`${what} failed. ${known.message}.`, known.fix, details);
  return new BootstrapFailure(`${what} failed.`, 'The last lines of its output are below.', details);
}
