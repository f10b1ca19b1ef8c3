import { CliError } from '../cli-error.ts';
import { readCliEnvironment } from '../config.ts';
import { findDevState } from './dev-state.ts';

export interface AdminFlags {
  readonly adminUrl?: string;
  readonly adminToken?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8081';
const TIMEOUT_MS = 30_000;

/** A request to the admin API. @throws CliError with the code of what it answered. */
export async function askAdmin<T>(
  flags: AdminFlags,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const env = readCliEnvironment();
  const dev = findDevState(env.dataDir);
  const given = flags.adminUrl ?? env.adminUrl;
  const base = given ?? dev?.adminUrl ?? DEFAULT_URL;
  // The dev instance's token goes to nobody else.
  const own = given === undefined || given.replace(/\/$/, '') === dev?.adminUrl ? dev?.adminToken : undefined;
  const token = flags.adminToken ?? env.adminToken ?? own;
  if (token === undefined)
    throw new CliError('There is no token for the admin API', {
      hint: 'Set CARILLON_ADMIN_TOKEN to the one that the admin service was started with; a running `npm start` of this folder needs none.',
    });
  const response = await fetch(new URL(path, `${base.replace(/\/$/, '')}/`), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new CliError(`${base} does not answer`, { hint: 'Is the admin service running there?', cause });
  });
  const answer = (await response.json().catch(() => undefined)) as
    | (T & { error?: { code: string; message: string } })
    | undefined;
  if (response.ok && answer !== undefined) return answer;
  const { code = String(response.status), message = 'this is not the admin API' } = answer?.error ?? {};
  throw new CliError(`${message} (${code})`);
}
