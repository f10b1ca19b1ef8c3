import { fingerprintOf, redact } from './redact.ts';
import type { Environment, Setting } from './setting.ts';

/** Reads a file that a value names with `@/path`. */
export type ReadFile = (path: string) => string;

/** Where a value came from. */
export type Source = 'environment' | 'file' | 'default' | 'unset';

/** Outcome of reading one setting. */
export type Reading =
  | {
      readonly outcome: 'value';
      readonly value: unknown;
      readonly source: Source;
      readonly shown: string;
      /** Of a secret. */
      readonly fingerprint?: string | undefined;
      readonly warning?: string;
    }
  | { readonly outcome: 'fault'; readonly message: string };

type Found = { readonly text: string; readonly source: Source } | { readonly fault: string } | undefined;

const FILE_REFERENCE = /^@(\.{0,2}\/.+)$/;

/**
 * A Kubernetes Service named `carillon-gateway` puts CARILLON_GATEWAY_PORT=tcp://10.0.0.1:8080 and more into every pod of
 * the namespace. These are not ours; `enableServiceLinks: false` in the pod turns them off.
 */
export function isServiceLink(variable: string, given: string): boolean {
  if (/_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$/.test(variable)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable)) return true;
  return variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(given);
}

function findText(setting: Setting<unknown>, env: Environment, readFile: ReadFile): Found {
  const given = env[setting.variable]?.trim();
  // `X=` and `${X:-}` in compose files mean "not given".
  if (given === undefined || given === '' || isServiceLink(setting.variable, given)) return undefined;
  return setting.fromFile
    ? followReference(setting.variable, given, readFile)
    : { text: given, source: 'environment' };
}

/** Reads the file that a value names with `@/path`; any other value is the value. */
function followReference(variable: string, given: string, readFile: ReadFile): Exclude<Found, undefined> {
  const path = FILE_REFERENCE.exec(given)?.[1];
  if (path === undefined) return { text: given, source: 'environment' };
  const file = `${variable} names the file ${path}, which`;
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    return { fault: `${file} can't be read (${reason})` };
  }
  // An editor on Windows writes UTF-16, and as UTF-8 that has one of these in it.
  if (/[\0\uFFFD]/.test(text)) return { fault: `${file} is not UTF-8 text` };
  // A byte order mark counts as white space here.
  const trimmed = text.trim();
  return trimmed === '' ? { fault: `${file} is empty` } : { text: trimmed, source: 'file' };
}

/** Text of a variable that names a secret or address, for programs that read single ones. @throws Error naming the variable */
export function readText(variable: string, env: Environment, readFile: ReadFile): string | undefined {
  const given = env[variable]?.trim();
  if (given === undefined || given === '') return undefined;
  const found = followReference(variable, given, readFile);
  if ('fault' in found) throw new Error(found.fault);
  return found.text;
}

/** `docker run --env-file` and systemd's `Environment=` keep quotes that a shell would take off. */
function quoteHint(text: string): string {
  return /^(["']).*\1$/s.test(text) ? ' The quotes around it belong to the value: --env-file keeps them' : '';
}

function expectation(setting: Setting<unknown>): string {
  return `Allowed: ${setting.allowed}. Example: ${setting.variable}=${setting.example}`;
}

/** Finds, reads and describes one setting. */
export function readSetting(setting: Setting<unknown>, env: Environment, readFile: ReadFile): Reading {
  const found = findText(setting, env, readFile);
  if (found === undefined) {
    if (setting.required) {
      return { outcome: 'fault', message: `${setting.variable} is not given. ${expectation(setting)}` };
    }
    const shown = setting.defaultText ?? '(not set)';
    const source = setting.defaultText === undefined ? 'unset' : 'default';
    return { outcome: 'value', value: setting.absent(), source, shown };
  }
  if ('fault' in found) return { outcome: 'fault', message: `${found.fault}. ${expectation(setting)}` };
  const parsed = setting.parse(found.text);
  const shown = redact(found.text, setting.secrecy);
  if ('fault' in parsed) {
    const reason = parsed.fault === '' ? '' : `: ${parsed.fault}`;
    return {
      outcome: 'fault',
      message: `${setting.variable} is ${shown}${reason}.${quoteHint(found.text)} ${expectation(setting)}`,
    };
  }
  const hint = setting.secrecy === 'secret' ? quoteHint(found.text) : '';
  return {
    outcome: 'value',
    value: parsed.value,
    source: found.source,
    shown,
    fingerprint: fingerprintOf(found.text, setting.secrecy),
    ...(hint !== '' && {
      warning: `${setting.variable} is ${shown}.${hint}, so it is another one than without them`,
    }),
  };
}
