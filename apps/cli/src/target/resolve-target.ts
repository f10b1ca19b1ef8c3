import { userInfo } from 'node:os';
import { mintToken } from '@carillon/server';
import { usageError } from '../cli-error.ts';
import { readCliEnvironment } from '../config.ts';
import { type DevState, findDevState } from './dev-state.ts';
import { EVERYTHING } from './everything.ts';

/** Gateway that a command talks to, and its credentials. */
export interface Target {
  readonly url: string;
  /** A given token, a way to mint one, or nothing: an anonymous client. */
  readonly auth: { readonly token?: string; readonly getToken?: () => Promise<string> };
  /** Where the address came from, for error texts. */
  readonly source: 'flag' | 'environment' | 'dev' | 'default';
  readonly dev: DevState | undefined;
  /** CARILLON_DATA_DIR: where a running `carillon dev` was looked for. Absent: in the working directory and above it. */
  readonly dataDir: string | undefined;
}

export interface TargetFlags {
  readonly url?: string;
  readonly token?: string;
  readonly user?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Flags first, then the environment, then a running `carillon dev`. @throws CliError when the address is none. */
export function resolveTarget(flags: TargetFlags): Target {
  const env = readCliEnvironment();
  const dev = findDevState(env.dataDir);
  const given = gatewayAddress(flags.url ?? env.url, dev);
  const ownUrl = dev?.gatewayUrl ?? DEFAULT_URL;
  const source =
    flags.url !== undefined
      ? 'flag'
      : env.url !== undefined
        ? 'environment'
        : dev === undefined
          ? 'default'
          : 'dev';
  // The dev instance's secret goes to nobody else: with another address only what was given explicitly counts.
  const secret = env.jwtSecret ?? (given === undefined || given === ownUrl ? dev?.jwtSecret : undefined);
  const fixed = flags.token ?? (flags.user === undefined ? env.token : undefined);
  const auth = authOf(fixed, secret, flags.user ?? currentUser());
  return { url: given ?? ownUrl, source, dev, auth, dataDir: env.dataDir };
}

/** Every address that `npm start` prints is its gateway: as http, as ws with its path, and the console's. Others are taken as given. */
function gatewayAddress(given: string | undefined, dev: DevState | undefined): string | undefined {
  if (given === undefined) return undefined;
  const parsed = URL.parse(given);
  if (parsed === null || !/^(?:http|ws)s?:$/.test(parsed.protocol))
    throw usageError(
      `"${given}" is not the address of a gateway`,
      'For example http://127.0.0.1:8080 or wss://rt.example.com',
    );
  if (dev === undefined) return given;
  if (parsed.host === new URL(dev.adminUrl).host) return dev.gatewayUrl;
  const isOwn = parsed.host === new URL(dev.gatewayUrl).host && /^\/(v1\/ws\/?)?$/.test(parsed.pathname);
  return isOwn ? dev.gatewayUrl : given;
}

function authOf(token: string | undefined, secret: string | undefined, userId: string): Target['auth'] {
  if (token !== undefined) return { token };
  if (secret === undefined) return {};
  return { getToken: () => mintToken({ secret, userId, capabilities: EVERYTHING }) };
}

/** Name of the person at the terminal. */
export function currentUser(): string {
  try {
    return userInfo().username || 'cli';
  } catch {
    return 'cli'; // no entry for this uid, as in many containers
  }
}
