import { parseDurationMs } from '@carillon/config';
import { CAPABILITY_ACTIONS, type CapabilitiesClaim, type CapabilityAction } from '@carillon/protocol';
import { mintToken } from '@carillon/server';
import { CliError, usageError } from '../cli-error.ts';
import { readCliEnvironment } from '../config.ts';
import { err, note, print } from '../output/style.ts';
import { findDevState } from '../target/dev-state.ts';
import { EVERYTHING } from '../target/everything.ts';
import { currentUser } from '../target/resolve-target.ts';

export interface TokenFlags {
  readonly user?: string;
  readonly can: readonly string[];
  /** E.g. `15m`. */
  readonly ttl: string;
}

/** Longest token lifetime that gateways accept by default: one day. */
const MAX_AGE_MS = 86_400_000;

/** Prints a token on stdout, and what it is good for on stderr. */
export async function token(flags: TokenFlags): Promise<void> {
  const env = readCliEnvironment();
  const secret = env.jwtSecret ?? findDevState(env.dataDir)?.jwtSecret;
  if (secret === undefined) {
    throw new CliError('There is no secret to sign with', {
      hint: 'Set CARILLON_JWT_SECRET to the secret of the gateways, or start a development instance with `npm start`.',
    });
  }
  const expiresInMs = parseDurationMs(flags.ttl);
  if (expiresInMs === undefined || expiresInMs < 1000) {
    throw usageError(`"${flags.ttl}" is not a duration of at least 1 s`, 'For example --ttl 15m, --ttl 8h');
  }
  const userId = flags.user ?? currentUser();
  const capabilities = flags.can.length === 0 ? EVERYTHING : parseCapabilities(flags.can);
  print(await mint(secret, userId, capabilities, expiresInMs));
  if (expiresInMs > MAX_AGE_MS)
    note(
      err.yellow(
        'Gateways refuse a token that is older than a day, whatever its --ttl, unless CARILLON_JWT_MAX_AGE_MS allows it there.',
      ),
    );
  if (process.stdout.isTTY !== true) return;
  const can = Object.entries(capabilities).map(([pattern, actions]) => `${pattern}: ${actions.join(', ')}`);
  note(err.dim(`for ${userId}, valid for ${flags.ttl}, ${can.join('; ')}`));
}

async function mint(
  secret: string,
  userId: string,
  capabilities: CapabilitiesClaim,
  expiresInMs: number,
): Promise<string> {
  try {
    return await mintToken({ secret, userId, capabilities, expiresInMs });
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new CliError(`CARILLON_JWT_SECRET can't be used: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Reads `chat:*=subscribe,publish`, several times. */
export function parseCapabilities(texts: readonly string[]): CapabilitiesClaim {
  const claim: Record<string, CapabilityAction[]> = {};
  for (const text of texts) {
    const split = text.lastIndexOf('=');
    if (split < 1)
      throw usageError(`"${text}" is not pattern=actions`, "For example --can 'chat:*=subscribe,publish'");
    const pattern = text.slice(0, split);
    const actions = text.slice(split + 1).split(',');
    claim[pattern] = [...(claim[pattern] ?? []), ...actions.map((action) => parseAction(action.trim()))];
  }
  return claim;
}

function parseAction(text: string): CapabilityAction {
  const action = CAPABILITY_ACTIONS.find((known) => known === text);
  if (action === undefined)
    throw usageError(`"${text}" is not an action`, `Actions are ${CAPABILITY_ACTIONS.join(', ')}.`);
  return action;
}
