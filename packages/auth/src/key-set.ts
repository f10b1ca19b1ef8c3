import { type AsymmetricAlgorithm, type PublicKey, publicKeyFromJwk } from './signature.ts';
import { TokenError } from './token-error.ts';

export interface KeySetOptions {
  readonly url: string;
  /** The set is read again, in the background, when it is older. Default 10 min. */
  readonly maxAgeMs?: number;
  /** Not read again earlier than this after an attempt, whatever `kid`s come. Default 10 s. */
  readonly cooldownMs?: number;
  /** While the source is away, keys are used up to this age. Default 24 h. */
  readonly maxStaleMs?: number;
  /** Default 5 s. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
  /** Told each time that reading the set fails, for the log. */
  readonly onFault?: (fault: Error) => void;
}

export interface KeySet {
  /** Changes when the keys change. */
  readonly version: number;
  /**
   * The keys that may have signed a token. Unknown `kid`: the set is read again, at most once per cooldown.
   *
   * @throws {TokenError} KEYS_UNAVAILABLE when there is nothing to answer with.
   */
  candidates(algorithm: AsymmetricAlgorithm, kid: string | undefined): Promise<readonly PublicKey[]>;
  /** Reads the set when it was never read. Faults go to `onFault`. */
  preload(): Promise<void>;
}

interface NamedKey extends PublicKey {
  readonly kid: string | undefined;
}

const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 64;
/** Tokens without `kid` are tried with this many keys at most. */
const MAX_CANDIDATES = 8;

/** A key set (JWKS) at a URL. Nothing runs on its own: the set is read when a token needs it. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { maxAgeMs = 600_000, cooldownMs = 10_000, maxStaleMs = 86_400_000, now = Date.now } = options;
  let keys: readonly NamedKey[] | undefined;
  let fingerprint = '';
  let version = 0;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let lastFault: Error | undefined;
  let reading: Promise<void> | undefined;

  /** One reading at a time; never rejects: the outcome is in `keys` and `lastFault`. */
  function read(): Promise<void> {
    if (reading !== undefined) return reading;
    attemptedAtMs = now();
    reading = fetchKeys(options)
      .then((found) => {
        if (found.fingerprint !== fingerprint) version++;
        ({ keys, fingerprint } = found);
        readAtMs = now();
        lastFault = undefined;
      })
      .catch((cause: unknown) => {
        lastFault = cause instanceof Error ? cause : new Error(String(cause));
        options.onFault?.(lastFault);
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  function unavailable(): TokenError {
    const retryAfterMs = Math.max(0, attemptedAtMs + cooldownMs - now());
    const reason = lastFault === undefined ? 'they were not read yet' : lastFault.message;
    return new TokenError('KEYS_UNAVAILABLE', `The keys to verify the token are not available: ${reason}.`, {
      retryAfterMs,
      cause: lastFault,
    });
  }

  async function refresh(): Promise<void> {
    const ageMs = now() - readAtMs;
    const mayRead = reading !== undefined || now() - attemptedAtMs >= cooldownMs;
    if (keys !== undefined && ageMs < maxStaleMs) {
      if (ageMs >= maxAgeMs && mayRead) void read();
      return;
    }
    if (mayRead) await read();
    if (keys === undefined || now() - readAtMs >= maxStaleMs) throw unavailable();
  }

  function find(algorithm: AsymmetricAlgorithm, kid: string | undefined): readonly PublicKey[] {
    const fitting = (keys ?? []).filter((key) => key.algorithm === algorithm);
    return (kid === undefined ? fitting : fitting.filter((key) => key.kid === kid)).slice(0, MAX_CANDIDATES);
  }

  return {
    get version() {
      return version;
    },
    async candidates(algorithm, kid) {
      await refresh();
      const found = find(algorithm, kid);
      if (found.length > 0) return found;
      if (reading !== undefined || now() - attemptedAtMs >= cooldownMs) await read();
      const second = find(algorithm, kid);
      // The token may be signed with a new key that could not be fetched: not its fault.
      if (second.length === 0 && lastFault !== undefined) throw unavailable();
      return second;
    },
    async preload() {
      if (keys === undefined) await read();
    },
  };
}

async function fetchKeys(
  options: KeySetOptions,
): Promise<{ keys: readonly NamedKey[]; fingerprint: string }> {
  const request = options.fetch ?? fetch;
  const response = await request(options.url, {
    // A redirect could lead the gateway to a host that nobody configured.
    redirect: 'error',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.timeout(options.timeoutMs ?? 5000),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the key set was answered with HTTP status ${response.status}`);
  }
  const text = await boundedText(response);
  const keys = parseKeySet(text);
  if (keys.length === 0) throw new Error('the key set has no usable key (RSA, P-256 or Ed25519, use: sig)');
  return { keys, fingerprint: text };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`the key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseKeySet(text: string): readonly NamedKey[] {
  const parsed: unknown = JSON.parse(text);
  const list = typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : undefined;
  if (!Array.isArray(list)) throw new Error('the key set is not JSON with a list named keys');
  const keys: NamedKey[] = [];
  for (const jwk of list.slice(0, MAX_KEYS)) {
    if (typeof jwk !== 'object' || jwk === null) continue;
    const key = publicKeyFromJwk(jwk);
    if (key !== undefined) keys.push({ ...key, kid: typeof jwk.kid === 'string' ? jwk.kid : undefined });
  }
  return keys;
}
