import { ERRORS, type ErrorCode, isErrorCode } from '@carillon/protocol';
import { CliError } from '../cli-error.ts';
import type { Target } from './resolve-target.ts';

const PROBE_TIMEOUT_MS = 3_000;

/** Why a gateway can't be reached, and what to do. A WebSocket says nothing about that, so HTTP is asked. */
export async function connectionFailure(
  target: Target,
  error: { code: string; message: string },
): Promise<CliError> {
  if (isErrorCode(error.code)) return refusal(error.code, error.message, target);
  const url = new URL('/health', target.url.replace(/^ws/, 'http'));
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    const text = `${url.origin} answers over HTTP (${response.status}), but the WebSocket connection failed: ${error.message}`;
    return new CliError(text, { hint: noGatewayHint(url, target) });
  } catch (cause) {
    return unreachable(url, target, cause);
  }
}

function noGatewayHint(url: URL, { dev }: Target): string {
  if (dev !== undefined && url.origin === new URL(dev.adminUrl).origin)
    return `That is the console. The gateway is at ${dev.gatewayUrl}.`;
  return 'Is it a Carillon gateway, and does a proxy in between pass WebSocket upgrades on?';
}

function refusal(code: ErrorCode, message: string, target: Target): CliError {
  const needsToken = code.startsWith('TOKEN_') || code === 'AUTH_TIMEOUT';
  const hint = needsToken
    ? `${ERRORS[code].remedy} Pass one with --token or CARILLON_TOKEN, or set CARILLON_JWT_SECRET to mint one.`
    : ERRORS[code].remedy;
  return new CliError(`${message} (${code})`, { hint: `${noInstanceHint(code, target)}${hint}` });
}

/** Hint for users of their own instance: another one answered. */
function noInstanceHint(code: ErrorCode, { source, dataDir, url }: Target): string {
  if (code !== 'TOKEN_MISSING' || source !== 'default') return '';
  const where = dataDir ?? 'this folder or one above it';
  return `No running instance was found in ${where}, so ${url} was asked, without a token.\n  `;
}

function unreachable(url: URL, target: Target, cause: unknown): CliError {
  // A name that says nothing, as TypeError, is replaced by what fetch gives as its cause, e.g. "bad port".
  const { code, message } = (cause as { cause?: { code?: string; message?: string } }).cause ?? {};
  const reason = code ?? message ?? (cause as Error).name;
  const texts: Record<string, string> = {
    ECONNREFUSED: `Nothing listens at ${url.host}.`,
    ENOTFOUND: `There is no host named ${url.hostname}.`,
    EAI_AGAIN: `The name ${url.hostname} could not be looked up.`,
    TimeoutError: `${url.host} did not answer within ${PROBE_TIMEOUT_MS / 1000} s.`,
    ECONNRESET: `${url.host} closed the connection.`,
  };
  const hint =
    target.source === 'default'
      ? 'Is the gateway running? Start one with `npm start`, or name another with --url.'
      : `Is the gateway running? The address came from ${SOURCES[target.source]}.`;
  return new CliError(texts[reason] ?? `${url.host} can't be reached: ${reason}.`, { hint, cause });
}

const SOURCES = {
  flag: '--url',
  environment: 'CARILLON_URL',
  dev: 'the running `carillon dev`',
  default: 'the default',
} as const;
